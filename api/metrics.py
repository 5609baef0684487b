"""What the observer counted, and beside it what the views say, for Prometheus.

prometheus_client counts, but does not render: it would add `_total` and `_created` to names
that the contract fixes.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram

from api.codes import CODES
from api.exposition import MAX_MODEL_LABELS, OTHER, Family, Series, written
from api.measures import documented, measured, recalled
from api.measures_models import of_models
from api.measures_shared import shared
from cache.events import Cause, LoadFailed, LoadFinished, Refreshed, Removed
from models.port import Happening, Predicted, RefreshFailed, WarmedUp
from models.views.system import CacheView, SystemView

PREDICTION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LOAD_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Observes the use cases; renders what it saw beside the views' figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._models: set[str] = set()
        self._observing: dict[str, Callable[[float], None]] = {}
        """By the label of a model: to look the series up takes longer than to count."""
        self._predictions = self._histogram(
            "model_cache_prediction_seconds",
            "Time to answer a prediction, waiting and loading included",
            PREDICTION_BUCKETS,
        )
        self._loads = self._histogram(
            "model_cache_load_seconds", "Time to load a model into the cache", LOAD_BUCKETS
        )
        self._warmups = self._histogram(
            "model_cache_warmup_seconds", "Time to warm up a model", LOAD_BUCKETS
        )
        self._failures = Counter(
            "model_cache_load_failures",
            "Loads that failed",
            labelnames=("model",),
            registry=self._registry,
        )
        self._removals = Counter(
            "model_cache_removals",
            "Models removed from the cache, by cause",
            labelnames=("cause",),
            registry=self._registry,
        )
        self._refreshes = Counter(
            "model_cache_refreshes",
            "Refreshes of models before their time to live ran out, by result",
            labelnames=("model", "result"),
            registry=self._registry,
        )
        self._errors = Counter(
            "model_cache_errors",
            "Error responses, by the code in their body",
            labelnames=("code",),
            registry=self._registry,
        )
        for cause in Cause:
            self._removals.labels(cause.value)
        for code in CODES:
            self._errors.labels(code)

    def count_error(self, code: str) -> None:
        """An error response goes out."""
        self._errors.labels(code).inc()

    def __call__(self, event: Happening, /) -> None:
        match event:
            case Predicted():
                self._predicted(event)
            case LoadFinished():
                self._loads.labels(self._label(event.key)).observe(event.seconds)
            case WarmedUp():
                self._warmups.labels(self._label(event.model)).observe(event.seconds)
            case LoadFailed():
                self._failures.labels(self._label(event.key)).inc()
            case Removed():
                self._removals.labels(event.cause.value).inc()
            case Refreshed():
                self._refreshes.labels(self._label(event.key), "ok").inc()
            case RefreshFailed():
                self._refreshes.labels(self._label(event.model), "failed").inc()

    def render(self, cache: CacheView, system: SystemView, *, ready: bool, now: datetime) -> bytes:
        """`now`, in UTC, is what the ends of quarantines are compared with."""
        return written(
            [
                *documented(cache, system),
                *measured(system, ready=ready),
                *recalled(cache),
                *shared(cache.predictions.shared),
                *of_models(cache.models, now),
                *self._counted(),
            ]
        )

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(
            name, text, labelnames=("model",), buckets=buckets, registry=self._registry
        )

    def _predicted(self, event: Predicted) -> None:
        label = self._label(event.model)
        observe = self._observing.get(label)
        if observe is None:
            observe = self._observing[label] = self._predictions.labels(label).observe
        observe(event.total_seconds)

    def _label(self, key: str) -> str:
        """Name the model without its version; beyond the bound all are one."""
        name = key.partition(":")[0]
        if name not in self._models and len(self._models) >= MAX_MODEL_LABELS:
            return OTHER
        self._models.add(name)
        return name

    def _counted(self) -> Iterator[Family]:
        for family in self._registry.collect():
            suffix = "_total" if family.type == "counter" else ""
            series = tuple(
                Series(sample.name, sample.value, tuple(sample.labels.items()))
                for sample in family.samples
                if not sample.name.endswith("_created")
            )
            yield Family(family.name + suffix, family.documentation, family.type, series)

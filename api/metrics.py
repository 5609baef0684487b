"""Prometheus text (format 0.0.4): the documented series, and what the observer counted.

prometheus_client counts, but does not render: it would add `_total` and `_created` to names
that the contract fixes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from api.units import mb, ms, percentage, rate
from cache.events import Cause, LoadFailed, LoadFinished, Refreshed, Removed
from models.port import Happening, Predicted, RefreshFailed, WarmedUp
from models.views.system import CacheView, SystemView

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_MODEL_LABELS = 200
OTHER = "other"
PREDICTION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LOAD_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


@dataclass(frozen=True, slots=True)
class Series:
    """One sample and its labels."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """What stands below one HELP and TYPE."""

    name: str
    help: str
    type: str
    series: tuple[Series, ...]


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
        for cause in Cause:
            self._removals.labels(cause.value)

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

    def render(self, cache: CacheView, system: SystemView) -> bytes:
        families = [
            *documented(cache, system),
            *measured(system),
            *recalled(cache),
            *self._counted(),
        ]
        return "\n".join("\n".join(_lines(family)) + "\n" for family in families).encode()

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


def documented(cache: CacheView, system: SystemView) -> Iterable[Family]:
    """Make the documented series: names, types and help texts are the contract's."""
    counted = cache.performance
    return (
        _single("models_total", "Total number of models", "gauge", len(cache.models)),
        _single("models_cached", "Cached models count", "gauge", cache.cached),
        _single("memory_usage_mb", "Memory usage in MB", "gauge", mb(cache.memory.used)),
        _single(
            "memory_usage_percentage",
            "Memory usage percentage",
            "gauge",
            percentage(cache.memory.fraction),
        ),
        _single("hit_rate", "Cache hit rate", "gauge", rate(counted.hit_rate)),
        _single(
            "inference_time_ms",
            "Average inference time in milliseconds",
            "gauge",
            ms(counted.average_inference_seconds),
        ),
        _single("inferences_total", "Total number of inferences", "counter", counted.predictions),
        _single("cache_hits_total", "Total cache hits", "counter", counted.hits),
        _single("cache_misses_total", "Total cache misses", "counter", counted.misses),
        _single("cleanup_events_total", "Total cleanup events", "counter", system.cleanup_count),
        _single(
            "memory_cleanup_mb",
            "Total memory cleaned up in MB",
            "counter",
            mb(system.cleanup_freed),
        ),
    )


def measured(system: SystemView) -> Iterable[Family]:
    """Make our own gauges, in base units as Prometheus wants them."""
    return (
        _single("budget_bytes", "Memory that models may take", "gauge", system.budget),
        _single(
            "tracked_bytes",
            "Memory of the budget that is reserved, resident or leaving",
            "gauge",
            system.tracked,
        ),
        _single("waiting", "Requests that wait for room", "gauge", system.waiting),
    )


def recalled(cache: CacheView) -> Iterable[Family]:
    """Make the series of the prediction cache."""
    kept, of = cache.predictions, "prediction_cache"
    return (
        _single(f"{of}_capacity_bytes", "Memory that predictions may take", "gauge", kept.capacity),
        _single(f"{of}_bytes", "Memory that kept predictions take", "gauge", kept.size),
        _single(f"{of}_entries", "Predictions that are kept", "gauge", kept.entries),
        _single(f"{of}_models_off", "Models that hardly repeat", "gauge", kept.models_off),
        _single(f"{of}_hits_total", "Lookups that found a prediction", "counter", kept.hits),
        _single(f"{of}_misses_total", "Lookups that found none", "counter", kept.misses),
        _single(
            f"{of}_bypassed_total",
            "Lookups not made for models that hardly repeat",
            "counter",
            kept.bypassed,
        ),
        _single(
            f"{of}_joined_total", "Requests that shared another's inference", "counter", kept.joined
        ),
        _single(
            f"{of}_evictions_total",
            "Predictions that made room for others",
            "counter",
            kept.evictions,
        ),
    )


def _single(name: str, text: str, kind: str, value: float) -> Family:
    full = f"model_cache_{name}"
    return Family(full, text, kind, (Series(full, value),))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.type}"
    for series in family.series:
        yield f"{series.name}{_labels(series.labels)} {_number(series.value)}"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value, quote=True)}"' for name, value in labels)
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str, *, quote: bool = False) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quote else escaped


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))

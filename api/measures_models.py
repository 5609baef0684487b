"""Series by model that are read off the views; each model has them before it is first loaded.

A counter that first shows with its first event has no rate for it, and loads are rare.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from api.exposition import MAX_MODEL_LABELS, OTHER, Family, Series, single
from models.views.model import ModelView

Combine = Callable[[Iterable[float]], float]
Value = Callable[[ModelView], float | None]


def of_models(views: Sequence[ModelView], now: datetime) -> Iterable[Family]:
    """Make the series of the registered models, by name; versions in memory add their bytes."""
    registered = [view for view in views if view.registered]
    named = [view for view in registered if ":" not in view.name]
    return (
        single(
            "quarantined",
            "Models that failed to load and are left alone",
            "gauge",
            sum(_is_left_alone(view, now) for view in registered),
        ),
        _gauge("resident_bytes", "Memory that a model takes", registered, _footprint, sum),
        _gauge(
            "failures_in_a_row",
            "Loads of a model that failed since one went well",
            registered,
            lambda view: view.quarantine.failures if view.quarantine else 0,
            max,
        ),
        _gauge(
            "last_load_seconds",
            "Time that the last load of a model took",
            named,
            lambda view: view.load_seconds,
            max,
        ),
        _gauge(
            "last_warmup_seconds",
            "Time that the last warm-up of a model took",
            named,
            lambda view: view.warmup_seconds,
            max,
        ),
        _loads(named),
        _inference(named),
    )


def _is_left_alone(view: ModelView, now: datetime) -> bool:
    return view.quarantine is not None and view.quarantine.until > now


def _footprint(view: ModelView) -> float | None:
    return view.footprint if view.cached else None


def _gauge(
    name: str, text: str, views: Sequence[ModelView], value: Value, combine: Combine
) -> Family:
    full = f"model_cache_{name}"
    return Family(full, text, "gauge", _series(full, views, value, combine))


def _loads(views: Sequence[ModelView]) -> Family:
    full = "model_cache_loads_total"
    series = _series(full, views, lambda view: view.performance.loads, sum)
    return Family(full, "Loads of a model that went well", "counter", series)


def _inference(views: Sequence[ModelView]) -> Family:
    """Make a summary without quantiles: its rate is an average, the documented inference time."""
    full = "model_cache_inference_seconds"
    spent = _series(f"{full}_sum", views, _spent, sum)
    made = _series(f"{full}_count", views, lambda view: view.performance.computed, sum)
    return Family(full, "Time in the runner for a prediction", "summary", spent + made)


def _spent(view: ModelView) -> float:
    return view.performance.average_inference_seconds * view.performance.computed


def _series(
    name: str, views: Sequence[ModelView], value: Value, combine: Combine
) -> tuple[Series, ...]:
    """Give each name one sample: of its versions, and of all beyond the bound, what is combined."""
    names = dict.fromkeys(view.name.partition(":")[0] for view in views)
    labels = {known: known if n < MAX_MODEL_LABELS else OTHER for n, known in enumerate(names)}
    values: dict[str, list[float]] = {}
    for view in views:
        found = value(view)
        if found is not None:
            values.setdefault(labels[view.name.partition(":")[0]], []).append(found)
    return tuple(
        Series(name, combine(found), (("model", label),)) for label, found in values.items()
    )

"""Series of the shared prediction cache; none where there is none."""

from collections.abc import Iterable

from api.exposition import Family, Series, single
from models.views.system import SharedCacheView

CIRCUITS = ("closed", "half_open", "open")
OF = "prediction_cache_shared"


def shared(view: SharedCacheView | None) -> Iterable[Family]:
    """Make them of its figures."""
    if view is None:
        return ()
    return (
        _circuit(view),
        single(f"{OF}_connected", "Is the shared cache connected", "gauge", view.connected),
        single(f"{OF}_models_off", "Models that are hardly shared", "gauge", view.models_off),
        _counter("hits", "Shared lookups that found a prediction", view.hits),
        _counter("misses", "Shared lookups that found none", view.misses),
        _counter("unusable", "Shared predictions that were not understood", view.unusable),
        _counter("bypassed", "Shared lookups not made for models that are off", view.bypassed),
        _counter("skipped", "Shared lookups not made, or not answered in time", view.skipped),
        _counter("errors", "Calls to the shared cache that failed", view.errors),
        _counter("opened", "Times that the shared cache was left alone", view.opened),
        _counter("written", "Predictions that were shared", view.written),
        _counter("dropped", "Predictions that could not be shared", view.dropped),
    )


def _counter(name: str, text: str, value: int) -> Family:
    return single(f"{OF}_{name}_total", text, "counter", value)


def _circuit(view: SharedCacheView) -> Family:
    name = f"model_cache_{OF}_circuit"
    series = (Series(name, each == view.circuit, (("state", each),)) for each in CIRCUITS)
    return Family(name, "Which state the circuit breaker is in", "gauge", tuple(series))

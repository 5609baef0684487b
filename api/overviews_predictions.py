"""The figures of the prediction cache as they are answered."""

from dataclasses import asdict

from api.schemas_predictions import PredictionCacheOut, SharedCacheOut
from api.units import mb, rate
from models.views.system import PredictionCacheView, SharedCacheView


def prediction_cache(view: PredictionCacheView) -> PredictionCacheOut:
    """Make its figures, in the units of the contract."""
    return PredictionCacheOut(
        used_mb=mb(view.size),
        total_mb=mb(view.capacity),
        entries=view.entries,
        hits=view.hits,
        misses=view.misses,
        hit_rate=rate(view.hit_rate),
        bypassed=view.bypassed,
        joined=view.joined,
        evictions=view.evictions,
        models_off=view.models_off,
        shared=None if view.shared is None else _shared(view.shared),
    )


def _shared(view: SharedCacheView) -> SharedCacheOut:
    return SharedCacheOut(**asdict(view), hit_rate=rate(view.hit_rate))

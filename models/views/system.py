"""The service as a whole: the models, the predictions that are kept, the process tree."""

from dataclasses import dataclass
from datetime import datetime

from models.views.model import ModelView
from models.views.performance import Performance


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """Bytes used of a limit; `threshold` is the hard watermark as a fraction of the limit."""

    used: int
    limit: int
    threshold: float

    @property
    def fraction(self) -> float:
        return self.used / self.limit


@dataclass(frozen=True, slots=True)
class SharedCacheView:
    """Predictions that services share. Look-ups of one text each, made after a miss here.

    `circuit` is "closed", "open" or "half_open", `opened` how often it opened. `misses` include
    the `unusable` values. `skipped` look-ups were not made, or had no answer in time; `bypassed`
    are those of the `models_off`, that hardly repeat. `errors` are calls that failed. Of what was
    computed, `written` values were handed over and `dropped` ones were not.
    """

    circuit: str
    connected: bool = False
    opened: int = 0
    hits: int = 0
    misses: int = 0
    unusable: int = 0
    bypassed: int = 0
    skipped: int = 0
    errors: int = 0
    written: int = 0
    dropped: int = 0
    models_off: int = 0

    @property
    def hit_rate(self) -> float:
        """Of the look-ups that were answered."""
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else 0.0


@dataclass(frozen=True, slots=True)
class PredictionCacheView:
    """Predictions kept for those who ask again. `size` of `capacity` bytes is held by `entries`.

    `hits` and `misses` are lookups; `bypassed` are those not made for models whose hit rate is
    too low, of which there are `models_off` now. `joined` are requests that shared another's
    inference, `evictions` entries that made room for others. `shared` is the second level, None
    where there is none.
    """

    capacity: int = 0
    size: int = 0
    entries: int = 0
    hits: int = 0
    misses: int = 0
    bypassed: int = 0
    joined: int = 0
    evictions: int = 0
    models_off: int = 0
    shared: SharedCacheView | None = None

    @property
    def hit_rate(self) -> float:
        """Of all lookups, those that were not made included."""
        lookups = self.hits + self.misses + self.bypassed
        return self.hits / lookups if lookups else 0.0


@dataclass(frozen=True, slots=True)
class CacheView:
    """The cache as a whole. `memory` is the sum of footprints against the limit."""

    models: tuple[ModelView, ...]
    memory: MemoryUsage
    performance: Performance
    predictions: PredictionCacheView = PredictionCacheView()

    @property
    def cached(self) -> int:
        return sum(model.cached for model in self.models)


@dataclass(frozen=True, slots=True)
class SystemView:
    """The process tree. `memory` is its proportional set size against the limit.

    `own` is what the service uses without its runners; `budget` what that leaves for models, and
    `tracked` what of it is reserved, resident or leaving. `waiting` is how many callers wait
    for a load.
    """

    memory: MemoryUsage
    own: int
    budget: int
    tracked: int
    uptime_seconds: float
    last_cleanup: datetime | None
    cleanup_count: int
    cleanup_freed: int
    waiting: int = 0

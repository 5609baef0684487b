"""What the use cases return: frozen answers in plain units (bytes, seconds, UTC datetimes)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cache.ports import Priority
from models.spec import Compiled


@dataclass(frozen=True, slots=True)
class Prediction:
    """One text's answer. `processing_seconds` counts from the parsed request, waiting included.

    `cache_hit`: it waited for no load; `cached`: it had been made before. `windows` were read.
    """

    text: str
    label: str
    confidence: float
    probabilities: Mapping[str, float]
    model_used: str
    cache_hit: bool
    truncated: bool
    processing_seconds: float
    cached: bool = False
    windows: int = 1


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
class Performance:
    """Counters since start; seconds are sums unless named an average.

    Of the `predictions`, `cached` came from the prediction cache and `joined` shared another's
    inference; the average is over the others, that were `computed`.
    """

    predictions: int
    hits: int
    misses: int
    average_inference_seconds: float
    loads: int
    load_seconds: float
    cached: int = 0
    joined: int = 0

    @property
    def computed(self) -> int:
        return self.predictions - self.cached - self.joined

    @property
    def hit_rate(self) -> float:
        answered = self.hits + self.misses
        return self.hits / answered if answered else 0.0


@dataclass(frozen=True, slots=True)
class RunnerView:
    """The live runner process of a model; `restarts` counts runners that died and were replaced."""

    pid: int
    footprint: int
    restarts: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class StandingView:
    """Where a model stands among the residents. `place` 1 goes first.

    `score` is in the policy's own unit; `held_by` says what keeps it from being evicted now:
    leased, pinned, loading, leaving, young (loaded a moment ago), or None.
    """

    name: str
    place: int
    priority: Priority
    fixed: bool
    score: float
    footprint: int
    charged: int
    last_used: datetime
    held_by: str | None


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """How often in a row a model failed to load, why, and when it is tried again."""

    failures: int
    error: str
    until: datetime


@dataclass(frozen=True, slots=True)
class LifetimeView:
    """When a resident expires if nobody asks for it, None for never; `keep_alive` in seconds.

    `keep_alive` is None where nobody has asked for one, infinite for "never expires".
    `refreshed_at` is None before the first refresh.
    """

    expires_at: datetime | None
    keep_alive: float | None
    refreshed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ModelView:
    """Everything known of one model. `load_seconds` and the like are None before the first time."""

    name: str
    cached: bool
    loaded: bool
    footprint: int
    last_accessed: datetime | None
    access_count: int
    priority: Priority
    source: str
    engine: str
    registered: bool
    version: str | None
    labels: tuple[str, ...]
    precision: str | None
    size: int
    loaded_at: datetime | None
    load_seconds: float | None
    warmup_completed: bool
    warmup_seconds: float | None
    performance: Performance
    runner: RunnerView | None
    pinned: bool = False
    priority_fixed: bool = False
    standing: StandingView | None = None
    lifetime: LifetimeView | None = None
    quarantine: QuarantineView | None = None
    compiled: Compiled | None = None


@dataclass(frozen=True, slots=True)
class PredictionCacheView:
    """Predictions kept for those who ask again. `size` of `capacity` bytes is held by `entries`.

    `hits` and `misses` are lookups; `bypassed` are those not made for models whose hit rate is
    too low, of which there are `models_off` now. `joined` are requests that shared another's
    inference, `evictions` entries that made room for others.
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
    `tracked` what of it is reserved, resident or leaving. `waiting` is how many wait for room.
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


@dataclass(frozen=True, slots=True)
class LoadReport:
    name: str
    seconds: float
    footprint: int


@dataclass(frozen=True, slots=True)
class UnloadReport:
    name: str
    freed: int


@dataclass(frozen=True, slots=True)
class WarmupReport:
    name: str
    requests: int
    seconds: float
    average_seconds: float


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """`reason` is memory_threshold_exceeded, expired or nothing_to_do; bytes before and after."""

    unloaded: tuple[str, ...]
    freed: int
    reason: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class PinReport:
    """`cached`: the model is in memory now; a pin also holds for a later load."""

    name: str
    pinned: bool
    cached: bool


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What a load would do now; nothing is done.

    `decision` is resident, loading, admit, evict (room is made by `victims`, in order), wait (for
    the `blockers`), or refuse; `reason` says it in words. `needed`, `budget`,
    `charged` are bytes. `others` are the residents that stay, in rank order.
    """

    name: str
    decision: str
    reason: str
    needed: int
    budget: int
    charged: int
    victims: tuple[StandingView, ...]
    blockers: tuple[StandingView, ...]
    others: tuple[StandingView, ...]


@dataclass(frozen=True, slots=True)
class CleanupPlan:
    """What a cleanup would do now: who has expired, who is above the threshold, who stays.

    `reason` is as in `CleanupReport`, `freed` bytes.
    """

    expired: tuple[StandingView, ...]
    evicted: tuple[StandingView, ...]
    others: tuple[StandingView, ...]
    reason: str
    freed: int


@dataclass(frozen=True, slots=True)
class EventView:
    """One thing that happened. `kind` is load_started, load_finished, load_failed, draining,
    removed, refreshed or refresh_failed; what does not apply is None.

    `size` is bytes: reserved, measured or freed. `room_for` names the model that needed the room.
    `seconds` is the load's time, or how long nobody had used what goes; of a failure the time
    until the next try. `id` counts from 1.
    """

    id: int
    at: datetime
    kind: str
    model: str
    cause: str | None = None
    room_for: str | None = None
    size: int | None = None
    seconds: float | None = None
    error: str | None = None
    priority: Priority | None = None
    score: float | None = None

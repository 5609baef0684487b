"""What the use cases return: frozen answers in plain units (bytes, seconds, UTC datetimes)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cache.ports import Priority


@dataclass(frozen=True, slots=True)
class Prediction:
    """One text's answer. `processing_seconds` counts from the parsed request, waiting included."""

    text: str
    label: str
    confidence: float
    probabilities: Mapping[str, float]
    model_used: str
    cache_hit: bool
    truncated: bool
    processing_seconds: float


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
    """Counters since start; seconds are sums unless named an average."""

    predictions: int
    hits: int
    misses: int
    average_inference_seconds: float
    loads: int
    load_seconds: float

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


@dataclass(frozen=True, slots=True)
class CacheView:
    """The cache as a whole. `memory` is the sum of footprints against the limit."""

    models: tuple[ModelView, ...]
    memory: MemoryUsage
    performance: Performance

    @property
    def cached(self) -> int:
        return sum(model.cached for model in self.models)


@dataclass(frozen=True, slots=True)
class SystemView:
    """The process tree. `memory` is its proportional set size against the limit.

    `own` is what the service uses without its runners; `budget` what that leaves for models, and
    `tracked` what of it is reserved, resident or leaving.
    """

    memory: MemoryUsage
    own: int
    budget: int
    tracked: int
    uptime_seconds: float
    last_cleanup: datetime | None
    cleanup_count: int
    cleanup_freed: int


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

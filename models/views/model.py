"""What is known of one model: what it is, where it stands, how long it stays."""

from dataclasses import dataclass
from datetime import datetime

from cache.ports import Priority
from models.spec import Compiled, FittedHead
from models.views.performance import Performance


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

    `priority` is its class, `fixed` where the catalogue says so; `charged` is bytes of the budget.
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
    """Everything known of one model. `load_seconds` and the like are None before the first time.

    `cached`: it is loading, in memory or leaving; `loaded`: it is in memory and not leaving.
    `footprint` is bytes of memory, `size` bytes on disk. What is not `registered` has no version,
    labels or precision. `lifetime` is None unless it is loaded, `quarantine` unless it failed to
    load; `compiled` says how registration made it. `aliases` are those of the version; `origin`,
    `revision` and `license` as in StoredModel, `origin` None where it is a folder of this machine.
    """

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
    head: FittedHead | None = None
    aliases: tuple[str, ...] = ()
    origin: str | None = None
    revision: str | None = None
    license: str | None = None

"""What an operation did, or would do now."""

from dataclasses import dataclass

from models.views.model import StandingView


@dataclass(frozen=True, slots=True)
class LoadReport:
    """`seconds` is what the load took that made the model resident, now or before; bytes."""

    name: str
    seconds: float
    footprint: int


@dataclass(frozen=True, slots=True)
class UnloadReport:
    """`freed` is bytes, 0 for what was not in memory."""

    name: str
    freed: int


@dataclass(frozen=True, slots=True)
class WarmupReport:
    """How long so many sample texts took, one after another; a load is not counted."""

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
    the `blockers`), or refuse; `reason` says it in words. `needed`, `budget` and what is `charged`
    to it by now are bytes. `others` are the residents that stay, in rank order.
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

"""What happens to residents, as values for whoever observes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cache.ports import Key


class Cause(StrEnum):
    """Why a resident was removed."""

    EVICTED = "evicted"
    EXPIRED = "expired"
    UNLOADED = "unloaded"
    FAILED = "failed"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How a lease was had: at once, by joining a load under way, or by starting one."""

    HIT = "hit"
    JOIN = "join"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class LoadStarted:
    """Room is reserved and the load begins. `at` is monotonic seconds, in every event."""

    key: Key
    at: float
    reserved: int


@dataclass(frozen=True, slots=True)
class LoadFinished:
    """The key is resident. `seconds` is the load alone, without waiting for room."""

    key: Key
    at: float
    seconds: float
    footprint: int


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """The load raised; the cache is as it was."""

    key: Key
    at: float
    error: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The resident is gone and its bytes are free."""

    key: Key
    at: float
    cause: Cause
    freed: int


Event = LoadStarted | LoadFinished | LoadFailed | Removed


class Observer(Protocol):
    """Told of every event, in order, on the event loop. Must not block or raise."""

    def __call__(self, event: Event, /) -> None: ...

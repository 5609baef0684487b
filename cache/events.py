"""What happens to residents, as values for whoever observes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cache.ports import Key, Priority


class Cause(StrEnum):
    """Why a resident was removed.

    REPLACED: a newer one took its place; ABANDONED: nobody waited for its load any more, and
    somebody else needed the room.
    """

    EVICTED = "evicted"
    EXPIRED = "expired"
    UNLOADED = "unloaded"
    REPLACED = "replaced"
    ABANDONED = "abandoned"
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
    """The load raised; the cache is as it was. Not tried again for `quarantine` seconds."""

    key: Key
    at: float
    error: str
    quarantine: float = 0.0


@dataclass(frozen=True, slots=True)
class Draining:
    """It is decided that `key` goes: why, and for whom if it is to make room.

    `priority`, `score` and `idle` (seconds since its last use) are what it was judged by.
    """

    key: Key
    at: float
    cause: Cause
    room_for: Key | None
    priority: Priority
    score: float
    idle: float


@dataclass(frozen=True, slots=True)
class Removed:
    """The resident is gone and its bytes are free."""

    key: Key
    at: float
    cause: Cause
    freed: int
    room_for: Key | None = None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The resident was found in order before its TTL ran out, and counts as new."""

    key: Key
    at: float


Event = LoadStarted | LoadFinished | LoadFailed | Draining | Removed | Refreshed


class Observer(Protocol):
    """Told of every event, in order, on the event loop. Must not block or raise."""

    def __call__(self, event: Event, /) -> None: ...

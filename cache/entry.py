"""What the book holds of each key, as values; and how charges and frequencies are reckoned."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from cache.events import Cause
from cache.ports import HOST, Key, Priority


class State(Enum):
    LOADING = "loading"
    RESIDENT = "resident"
    DRAINING = "draining"


class Entry(NamedTuple):
    """One key that is not absent. Times are monotonic seconds, `charged` is bytes.

    A tuple, because every lease replaces it twice: a third of the time of a frozen dataclass.

    `charged` is the reservation while loading, then the footprint and the headroom it keeps,
    until it is gone. `footprint` is what was measured last, 0 before the load has landed; the
    same holds of `device_charged` and `device_footprint` for the memory of its `device`.

    `priority` is its class; `fixed` says that it may not follow from usage. `since` is when it
    was loaded or last refreshed, `landed` when it was loaded, `asked` how many leases there were
    since `since`. `frequency` is the decayed count of its leases as of the last one, which was
    the ledger's lease number `turn`, and `floor` is what the ageing clock showed then. `score` is
    what a resident is worth keeping for by all that, see `scores`.

    `load_seconds` is what the load took, `cost` what one is expected to take.

    `keep_alive` is how long it may be idle, None where nobody has said so. `refreshing` says that
    somebody looks whether it is in order. `wanted` is False for a load that nobody waits for any
    more. `cause` says why it drains, `room_for` for whom.
    """

    key: Key
    state: State
    charged: int
    priority: Priority
    ttl: float | None
    pinned: bool
    since: float
    last_used: float
    fixed: bool = False
    device: str = HOST
    device_charged: int = 0
    footprint: int = 0
    device_footprint: int = 0
    leases: int = 0
    asked: int = 0
    frequency: float = 0.0
    turn: int = 0
    floor: float = 0.0
    score: float = 0.0
    landed: float = 0.0
    load_seconds: float = 0.0
    cost: float = 0.0
    keep_alive: float | None = None
    refreshing: bool = False
    wanted: bool = True
    cause: Cause | None = None
    room_for: Key | None = None


@dataclass(frozen=True, slots=True)
class Departed:
    """A key that has become absent, the bytes this freed, why, and for whom."""

    key: Key
    freed: int
    cause: Cause
    room_for: Key | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Bytes charged by state, bytes measured in all, and how many keys are in the book."""

    reserved: int
    resident: int
    leaving: int
    footprint: int
    count: int

    @property
    def charged(self) -> int:
        return self.reserved + self.resident + self.leaving


def charge(before: int, footprint: int) -> int:
    """What a resident is charged, in bytes, that was charged `before` and measures `footprint`.

    What it was promised and does not hold yet stays its own as headroom, for inference to grow
    into; of an over-estimate what is above a quarter of the footprint is given back.
    """
    return max(footprint, min(before, footprint + footprint // 4))


def smoothed(expected: float, measured: float) -> float:
    """What a load is expected to take (seconds) after one that took `measured`.

    Exponential smoothing with a weight of one half: one that had to share the processors does not
    decide alone what a model is worth. 0 for `expected` is that nothing was known.
    """
    return (expected + measured) / 2 if expected else measured


def decayed(frequency: float, leases: int, half_life: float) -> float:
    """What `frequency` has become after `leases` leases of all keys together."""
    return frequency * math.exp2(-leases / half_life)


def band(entry: Entry) -> Priority:
    """Whose ageing clock an entry lives by: a fixed low or high class has its own.

    All others share one, for they are weighed against each other.
    """
    return entry.priority if entry.fixed else Priority.MEDIUM

"""The book: which key is in which state, and who holds which bytes.

A key is absent, LOADING, RESIDENT or DRAINING, and moves in that order only. The ledger never
waits and never decides; it records, and refuses what cannot be. Misuse raises `LedgerError`.
"""

from dataclasses import dataclass, replace
from enum import Enum

from cache.errors import LedgerError
from cache.events import Cause
from cache.ports import Key, Priority, Terms


class State(Enum):
    LOADING = "loading"
    RESIDENT = "resident"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key that is not absent. Times are monotonic seconds, `charged` is bytes.

    `charged` is the reservation while loading, then the footprint and the headroom it keeps,
    until it is gone. `footprint` is what was measured last, 0 before the load has landed.
    `uses` counts leases since the load.
    """

    key: Key
    state: State
    charged: int
    priority: Priority
    ttl: float | None
    pinned: bool
    since: float
    last_used: float
    footprint: int = 0
    leases: int = 0
    uses: int = 0
    load_seconds: float = 0.0
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Departed:
    """A key that has become absent, the bytes this freed, and why."""

    key: Key
    freed: int
    cause: Cause


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


class Ledger:
    """Not safe for threads; on one event loop no lock is needed, for nothing here awaits."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}

    def get(self, key: Key) -> Entry | None:
        return self._entries.get(key)

    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._entries.values())

    def totals(self) -> Totals:
        charged = dict.fromkeys(State, 0)
        for entry in self._entries.values():
            charged[entry.state] += entry.charged
        return Totals(
            reserved=charged[State.LOADING],
            resident=charged[State.RESIDENT],
            leaving=charged[State.DRAINING],
            footprint=sum(entry.footprint for entry in self._entries.values()),
            count=len(self._entries),
        )

    def reserve(self, key: Key, terms: Terms, now: float) -> Entry:
        """Absent → LOADING, charging the estimate."""
        if key in self._entries:
            raise LedgerError(f"{key} is {self._entries[key].state.value}, not absent")
        return self._put(
            Entry(
                key=key,
                state=State.LOADING,
                charged=terms.size_estimate,
                priority=terms.priority,
                ttl=terms.ttl,
                pinned=terms.pinned,
                since=now,
                last_used=now,
            )
        )

    def settle(self, key: Key, footprint: int, now: float, *, leases: int = 0) -> Entry:
        """LOADING → RESIDENT, charged by its footprint, leased at once by those who waited."""
        entry = self._in_state(key, State.LOADING)
        return self._put(
            replace(
                entry,
                state=State.RESIDENT,
                charged=charge(entry.charged, footprint),
                footprint=footprint,
                since=now,
                last_used=now,
                load_seconds=now - entry.since,
                leases=leases,
                uses=leases,
            )
        )

    def abandon(self, key: Key) -> None:
        """LOADING → absent: the load failed."""
        self._in_state(key, State.LOADING)
        del self._entries[key]

    def lease(self, key: Key, now: float) -> Entry:
        entry = self._in_state(key, State.RESIDENT)
        return self._put(
            replace(entry, leases=entry.leases + 1, uses=entry.uses + 1, last_used=now)
        )

    def release(self, key: Key, now: float) -> Entry:
        """End one lease; the entry returned tells whether it was the last."""
        entry = self._known(key)
        if entry.leases < 1:
            raise LedgerError(f"{key} is released more often than it was leased")
        return self._put(replace(entry, leases=entry.leases - 1, last_used=now))

    def correct(self, key: Key, footprint: int) -> Entry:
        """Charge a resident by what was measured anew."""
        entry = self._in_state(key, State.RESIDENT)
        charged = charge(entry.charged, footprint)
        return self._put(replace(entry, charged=charged, footprint=footprint))

    def pin(self, key: Key, *, pinned: bool) -> Entry:
        return self._put(replace(self._known(key), pinned=pinned))

    def drain(self, key: Key, cause: Cause) -> Entry:
        """RESIDENT → DRAINING: no new leases; its bytes stay charged until it is gone."""
        entry = self._in_state(key, State.RESIDENT)
        return self._put(replace(entry, state=State.DRAINING, cause=cause))

    def gone(self, key: Key) -> Departed:
        """DRAINING → absent: its memory is free."""
        entry = self._in_state(key, State.DRAINING)
        if entry.leases or entry.cause is None:
            raise LedgerError(f"{key} is gone while {entry.leases} leases hold it")
        del self._entries[key]
        return Departed(key, entry.footprint, entry.cause)

    def check(self) -> None:
        """Raise `LedgerError` where the book contradicts itself."""
        for key, entry in self._entries.items():
            if key != entry.key:
                raise LedgerError(f"{entry.key} stands under {key}")
            if not 0 <= entry.footprint <= entry.charged or entry.leases < 0:
                raise LedgerError(f"{key} has bytes or leases that cannot be: {entry}")
            if entry.state is State.LOADING and entry.leases:
                raise LedgerError(f"{key} is leased before it is resident")
            if (entry.state is State.DRAINING) != (entry.cause is not None):
                raise LedgerError(f"{key} drains without a cause, or has one too early")

    def _known(self, key: Key) -> Entry:
        entry = self._entries.get(key)
        if entry is None:
            raise LedgerError(f"{key} is absent")
        return entry

    def _in_state(self, key: Key, state: State) -> Entry:
        entry = self._known(key)
        if entry.state is not state:
            raise LedgerError(f"{key} is {entry.state.value}, not {state.value}")
        return entry

    def _put(self, entry: Entry) -> Entry:
        self._entries[entry.key] = entry
        return entry

"""The book: which key is in which state, and who holds which bytes.

A key is absent, LOADING, RESIDENT or DRAINING, and moves in that order only; a load that is given
up goes from LOADING to DRAINING. The ledger never waits and never decides; it records, and
refuses what cannot be. Misuse raises `LedgerError`.
"""

from cache.entry import Departed, Entry, State, Totals, band, charge, decayed, smoothed
from cache.errors import LedgerError
from cache.events import Cause
from cache.ports import Key, Priority, Terms
from cache.scores import Scorer, gdsf

HALF_LIFE = 500.0
"""Leases, of all keys together, after which an old lease counts half in `Entry.frequency`."""


class Ledger:
    """Not safe for threads; on one event loop no lock is needed, for nothing here awaits.

    `score` says what a resident is worth. It is asked whenever an entry changes, so that no
    decision has to ask it of all. `half_life` is in leases; infinity counts all leases since the
    load alike.
    """

    def __init__(self, score: Scorer = gdsf, half_life: float = HALF_LIFE) -> None:
        self._score = score
        self._half_life = half_life
        self._entries: dict[Key, Entry] = {}
        self._leases = 0
        self._clocks = dict.fromkeys(Priority, 0.0)
        self._costs: dict[Key, float] = {}

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
                priority=Priority.MEDIUM if terms.priority is None else terms.priority,
                fixed=terms.priority is not None,
                ttl=terms.ttl,
                pinned=terms.pinned,
                device=terms.device,
                device_charged=terms.device_estimate,
                cost=self._costs.get(key, terms.load_seconds),
                since=now,
                last_used=now,
            )
        )

    def want(self, key: Key, *, wanted: bool) -> Entry:
        """Note whether anybody still waits for the load."""
        return self._put(self._in_state(key, State.LOADING)._replace(wanted=wanted))

    def settle(
        self, key: Key, footprint: int, now: float, *, leases: int = 0, device_footprint: int = 0
    ) -> Entry:
        """LOADING → RESIDENT, charged by its footprint, leased at once by those who waited."""
        entry = self._in_state(key, State.LOADING)
        seconds = now - entry.since
        self._costs[key] = smoothed(entry.cost, seconds)
        self._leases += leases
        return self._put(
            entry._replace(
                state=State.RESIDENT,
                charged=charge(entry.charged, footprint),
                footprint=footprint,
                device_charged=charge(entry.device_charged, device_footprint),
                device_footprint=device_footprint,
                since=now,
                landed=now,
                last_used=now,
                load_seconds=seconds,
                cost=self._costs[key],
                leases=leases,
                frequency=float(leases),
                turn=self._leases,
                floor=self._clocks[band(entry)],
            )
        )

    def abandon(self, key: Key) -> None:
        """LOADING → absent: the load failed."""
        self._in_state(key, State.LOADING)
        del self._entries[key]

    def lease(self, key: Key, now: float) -> Entry:
        entry = self._in_state(key, State.RESIDENT)
        self._leases += 1
        past = decayed(entry.frequency, self._leases - entry.turn, self._half_life)
        return self._put(
            entry._replace(
                leases=entry.leases + 1,
                asked=entry.asked + 1,
                frequency=past + 1.0,
                turn=self._leases,
                floor=self._clocks[band(entry)],
                last_used=now,
            )
        )

    def release(self, key: Key, now: float) -> Entry:
        """End one lease; the entry returned tells whether it was the last."""
        entry = self._known(key)
        if entry.leases < 1:
            raise LedgerError(f"{key} is released more often than it was leased")
        return self._put(entry._replace(leases=entry.leases - 1, last_used=now))

    def keep(self, key: Key, keep_alive: float) -> Entry:
        """Note how long `key` may be idle."""
        return self._put(self._known(key)._replace(keep_alive=keep_alive))

    def correct(self, key: Key, footprint: int, device_footprint: int = 0) -> Entry:
        """Charge a resident by what was measured anew."""
        entry = self._in_state(key, State.RESIDENT)
        return self._put(
            entry._replace(
                charged=charge(entry.charged, footprint),
                footprint=footprint,
                device_charged=charge(entry.device_charged, device_footprint),
                device_footprint=device_footprint,
            )
        )

    def inherit(self, heir: Key, of: Key) -> Entry:
        """Give a resident what another has earned: its frequency, its floor and its keep-alive."""
        entry, former = self._in_state(heir, State.RESIDENT), self._known(of)
        return self._put(
            entry._replace(
                frequency=max(entry.frequency, former.frequency),
                floor=max(entry.floor, former.floor),
                keep_alive=former.keep_alive if entry.keep_alive is None else entry.keep_alive,
            )
        )

    def begin_refresh(self, key: Key) -> Entry:
        return self._put(self._in_state(key, State.RESIDENT)._replace(refreshing=True))

    def refresh(self, key: Key, now: float) -> Entry:
        """Count a resident as new: its TTL begins again."""
        entry = self._in_state(key, State.RESIDENT)
        return self._put(entry._replace(since=now, asked=0, refreshing=False))

    def pin(self, key: Key, *, pinned: bool) -> Entry:
        return self._put(self._known(key)._replace(pinned=pinned))

    def classify(self, key: Key, priority: Priority) -> Entry:
        """Note the class that follows from usage."""
        entry = self._known(key)
        if entry.fixed:
            raise LedgerError(f"the class of {key} is fixed")
        return self._put(entry._replace(priority=priority))

    def age(self, victim: Entry) -> None:
        """Let the ageing clock of the victim's class show at least its score."""
        clock = band(victim)
        self._clocks[clock] = max(self._clocks[clock], victim.score)

    def drain(self, key: Key, cause: Cause, room_for: Key | None = None) -> Entry:
        """RESIDENT, or a load that is given up → DRAINING.

        It gets no new leases; its bytes stay charged until it is gone.
        """
        entry = self._known(key)
        if entry.state is State.DRAINING:
            raise LedgerError(f"{key} is draining already")
        return self._put(entry._replace(state=State.DRAINING, cause=cause, room_for=room_for))

    def gone(self, key: Key) -> Departed:
        """DRAINING → absent: its memory is free."""
        entry = self._in_state(key, State.DRAINING)
        if entry.leases or entry.cause is None:
            raise LedgerError(f"{key} is gone while {entry.leases} leases hold it")
        del self._entries[key]
        return Departed(key, entry.footprint, entry.cause, entry.room_for)

    def check(self) -> None:
        """Raise `LedgerError` where the book contradicts itself."""
        for key, entry in self._entries.items():
            if key != entry.key:
                raise LedgerError(f"{entry.key} stands under {key}")
            if not 0 <= entry.footprint <= entry.charged or entry.leases < 0:
                raise LedgerError(f"{key} has bytes or leases that cannot be: {entry}")
            if not 0 <= entry.device_footprint <= entry.device_charged:
                raise LedgerError(f"{key} has device bytes that cannot be: {entry}")
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
        if entry.state is State.RESIDENT:
            entry = entry._replace(score=self._score(entry))
        self._entries[entry.key] = entry
        return entry

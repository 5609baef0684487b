"""An event loop that is taken through by hand, and an eye on what the cache does on it."""

import asyncio
from collections import Counter
from collections.abc import Callable

from cache.entry import Entry, State
from cache.events import Cause, Event, LoadStarted
from cache.ledger import Ledger
from cache.policy import Limits, Policy
from cache.ports import HOST, Key, Priority, Terms
from cache.queue import Fairness, RoomQueue, _Ticket
from tests.fakes import FakeClock, FakeLoaded, World


class SteppedLoop(asyncio.SelectorEventLoop):
    """Goes round once at a time, by a clock that stands still in between."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._stopped_clock = clock

    def time(self) -> float:
        return self._stopped_clock.monotonic()

    def step(self) -> None:
        self.call_soon(self.stop)
        self.run_forever()

    @property
    def alarms(self) -> int:
        """Timers that are set."""
        return sum(not timer.cancelled() for timer in self._scheduled)  # type: ignore[attr-defined]


class WatchedLedger(Ledger):
    """Writes down whatever is recorded in it against the invariants."""

    def __init__(self, world: World, starved: Callable[[Key], bool], guard: float) -> None:
        super().__init__()
        self.world = world
        self.wrong: list[str] = []
        self._starved = starved
        self._guard = guard

    @property
    def clocks(self) -> dict[Priority, float]:
        """What the ageing clocks show."""
        return dict(self._clocks)

    def reserve(self, key: Key, terms: Terms, now: float) -> Entry:
        entry = super().reserve(key, terms, now)
        totals, limits = self.totals(), self.world.limits
        if totals.charged > limits.budget or totals.count > limits.max_entries:
            self.wrong.append(f"{key} was admitted beyond the limits: {totals}, {limits}")
        if sum(e.state is State.LOADING for e in self.entries()) > limits.max_loads:
            self.wrong.append(f"{key} is one load too many")
        on_device = sum(e.device_charged for e in self.entries() if e.device == entry.device)
        if entry.device_charged and on_device > limits.devices.get(entry.device, 0):
            self.wrong.append(f"{key} was admitted beyond its device: {on_device}, {limits}")
        return entry

    def drain(self, key: Key, cause: Cause, room_for: Key | None = None) -> Entry:
        before = self.get(key)
        entry = super().drain(key, cause, room_for)
        if before is not None:
            self._judge(before, cause, room_for)
        return entry

    def _judge(self, entry: Entry, cause: Cause, room_for: Key | None) -> None:
        now = self.world.clock.monotonic()
        chosen = {Cause.EVICTED, Cause.EXPIRED, Cause.ABANDONED}
        if cause in chosen and (entry.leases or entry.pinned):
            self.wrong.append(f"{entry.key} was {cause.value} while it was held: {entry}")
        if cause is Cause.EXPIRED:
            keep = entry.keep_alive
            ttl = entry.since + (entry.ttl or 0.0)
            if entry.refreshing or (ttl if keep is None else entry.last_used + keep) > now:
                self.wrong.append(f"{entry.key} expired too early at {now}: {entry}")
        if cause is Cause.ABANDONED and (entry.wanted or entry.state is not State.LOADING):
            self.wrong.append(f"{entry.key} was given up although it was wanted: {entry}")
        if room_for is None:
            return
        if not any(c.patient for c in self.world.callers if c.key == room_for):
            self.wrong.append(f"{entry.key} went for {room_for}, whom nobody would wait for")
        queued = self.get(room_for) is None
        guard = min(self._guard, entry.load_seconds) if entry.asked else 0.0
        young = entry.landed + guard > now
        if cause is Cause.EVICTED and queued and young and not self._starved(room_for):
            self.wrong.append(f"{entry.key} went for {room_for} as young as it was: {entry}")


class WatchedQueue:
    """Counts, besides the queue, who has overtaken whom; `wrong` is what must not have been."""

    def __init__(self, queue: RoomQueue, policy: Policy, fairness: Fairness, world: World) -> None:
        self.queue = queue
        self.known: list[_Ticket] = []
        self.passed: Counter[_Ticket] = Counter()
        self.wrong: list[str] = []
        self._policy = policy
        self._fairness = fairness
        self._world = world
        self._grant, queue._grant = queue._grant, self._granted  # type: ignore[method-assign]
        self._may_pass, queue.may_pass = queue.may_pass, self._passes  # type: ignore[method-assign]

    def starved(self, ticket: _Ticket) -> bool:
        starves = ticket.since + self._fairness.seconds
        often = self.passed[ticket] >= self._fairness.times
        return often or self._world.clock.monotonic() >= starves

    def may_be_postponed(self, ticket: _Ticket) -> bool:
        """May others have work so that nobody is evicted for him yet?"""
        ends = ticket.since + self._fairness.postponed
        return not self.starved(ticket) and self._world.clock.monotonic() < ends

    def head_is_starved(self, key: Key) -> bool:
        heads = self.queue._tickets[:1]
        return any(ticket.key == key and self.starved(ticket) for ticket in heads)

    def closed(self, ticket: _Ticket, entries: tuple[Entry, ...], limits: Limits) -> set[Key]:
        """Who may get no new leases, as the policy says."""
        if not self.starved(ticket) or ticket.key in {e.key for e in entries}:
            return set()
        verdict = self._policy.admit(
            entries, ticket.terms, limits, self._world.clock.monotonic(), starved=True
        )
        return set(getattr(verdict, "closed", ()))

    def remember(self) -> None:
        """Who waits is to be served in the order of arrival, whatever the queue does with him."""
        known = [ticket for ticket in self.known if not ticket.granted.done()]
        self.known = known + [t for t in self.queue._tickets if t not in known]

    def _granted(self, ticket: _Ticket, now: float) -> Entry:
        self.remember()
        for other in self.known:
            if other.turn < ticket.turn and not other.granted.done():
                self.wrong.append(f"{ticket.key} was served before {other.key}")
        return self._grant(ticket, now)

    def _passes(self, key: Key) -> bool:
        passes = self._may_pass(key)
        waiting = [t for t in self.queue._tickets if not t.granted.done()]
        if passes and waiting:
            often = self.passed[waiting[0]] >= self._fairness.times
            entries = self._world.residency.entries()
            if often and key in self.closed(waiting[0], entries, self._world.limits):
                self.wrong.append(f"{key} has overtaken {waiting[0].key} once too often")
            self.passed.update(waiting)
        return passes


class WatchedObserver:
    """Keeps an account of each key's events: every beginning has an end."""

    def __init__(self, world: World) -> None:
        self.wrong: list[str] = []
        self.started: Counter[Key] = Counter()
        self._world = world

    def __call__(self, event: Event) -> None:
        if not isinstance(event, LoadStarted):
            return
        self.started[event.key] += 1
        suspension = self._world.residency.suspension(event.key)
        if suspension is not None and suspension.until > event.at:
            self.wrong.append(f"{event.key} was tried while it was suspended: {suspension}")


def held_bytes(residents: list[FakeLoaded]) -> tuple[int, int]:
    """What residents were measured at last, on the host and on devices."""
    return sum(r.footprint for r in residents), sum(r.device_footprint for r in residents)


def booked_bytes(entries: list[Entry]) -> tuple[int, int]:
    """What the book says that residents were measured at last."""
    device = sum(e.device_footprint for e in entries if e.device != HOST)
    return sum(e.footprint for e in entries), device

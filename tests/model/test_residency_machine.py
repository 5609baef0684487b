"""The residency cache on an event loop that takes a step when it is told to.

Whatever happens is put into the loop's queue; how far the loop runs before the next thing
happens is a rule like the others, so every order that the loop allows can come about, and each
comes about again when a failure is replayed.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cache import policy
from cache.errors import CacheClosed, InsufficientRoom, TooManyWaiting
from cache.events import Cause
from cache.ledger import Entry, Ledger
from cache.policy import Limits, Wait
from cache.ports import Key, Priority, Terms
from cache.queue import _Ticket
from cache.residency import Residency
from tests.fakes import Caller, FakeClock, FakeLoaded, Gate, World

TERMS = {
    "a": Terms(size_estimate=10),
    "b": Terms(size_estimate=10, ttl=20.0),
    "c": Terms(size_estimate=10, priority=Priority.HIGH),
    "d": Terms(size_estimate=5, priority=Priority.LOW),
    "e": Terms(size_estimate=20),
    "f": Terms(size_estimate=5, priority=Priority.LOW, pinned=True),
}
KEYS = st.sampled_from(sorted(TERMS))
GATES: tuple[Gate, ...] = get_args(Gate)


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


class WatchedLedger(Ledger):
    """Writes down whatever is recorded in it against the invariants."""

    def __init__(self, limits: Callable[[], Limits]) -> None:
        super().__init__()
        self._limits = limits
        self.line: list[_Ticket] = []
        """Who waits, in the order in which they came."""
        self.wrong: list[str] = []

    def reserve(self, key: Key, terms: Terms, now: float) -> Entry:
        entry = super().reserve(key, terms, now)
        totals, limits = self.totals(), self._limits()
        if totals.charged > limits.budget or totals.count > limits.max_entries:
            self.wrong.append(f"{key} was admitted beyond the limits: {totals}, {limits}")
        for ticket in self.line:
            if ticket.key == key:
                break
            if not ticket.granted.done():
                self.wrong.append(f"{key} has overtaken {ticket.key}")
        return entry

    def drain(self, key: Key, cause: Cause) -> Entry:
        entry = super().drain(key, cause)
        if cause in {Cause.EVICTED, Cause.EXPIRED} and (entry.leases or entry.pinned):
            self.wrong.append(f"{key} was {cause.value} while it was held: {entry}")
        return entry


class ResidencyMachine(RuleBasedStateMachine):
    """Faults that it found when they were planted: `evictable` blind to leases, or to pins;
    `admit` taking what drains for gone; `pump` serving the queue out of order, or letting in one
    who is being cancelled; no pump after a release, or after a failed load; a reservation not
    given up; a lease handed to one who was cancelled not given back; two flights of one key; a
    flight called off that others wait for, or not failed; a load that does not wait for the
    former resident to leave; a resident closed under a lease, or not watched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World(max_waiting=6)
        self.world.loader.terms_of = dict(TERMS)
        self.loop = SteppedLoop(self.world.clock)
        self.reports: list[object] = []
        self.loop.set_exception_handler(lambda _, context: self.reports.append(context))
        self.ledger = WatchedLedger(lambda: self.world.limits)
        self.world.residency._ledger = self.world.residency._queue._ledger = self.ledger
        self.jobs: list[asyncio.Task[object]] = []
        self.ends_by_closing = False

    @initialize(
        shut=st.sets(st.tuples(KEYS, st.sampled_from(GATES))),
        crowd=st.lists(KEYS, max_size=6),
        ends_by_closing=st.booleans(),
    )
    def a_crowd_comes(
        self, shut: set[tuple[Key, Gate]], crowd: list[Key], ends_by_closing: bool
    ) -> None:
        for key, gate in sorted(shut):
            self.world.loader.hold(key, gate)
        for key in crowd:
            self.somebody_asks(key)
        self.ends_by_closing = ends_by_closing

    def later(self, action: Callable[[], object]) -> None:
        """Do it as the last thing of the loop's next round."""
        self.loop.call_soon(action)

    def do(self, action: Callable[[], object], *, at_once: bool) -> None:
        """Do it between two rounds, before whoever is to wake in the next; or in that round."""
        if at_once:
            action()
        else:
            self.later(action)

    def start(self, work: Coroutine[None, None, object]) -> None:
        self.jobs.append(self.loop.create_task(work))

    def callers(self, condition: Callable[[Caller], bool]) -> list[Caller]:
        return [caller for caller in self.world.callers if condition(caller)]

    def settle(self) -> None:
        for _ in range(60):
            self.loop.step()

    @rule(times=st.integers(1, 4))
    def the_loop_goes_round(self, times: int) -> None:
        for _ in range(times):
            self.loop.step()

    @rule()
    def everything_settles(self) -> None:
        self.settle()
        leases = {entry.key: entry.leases for entry in self.ledger.entries() if entry.leases}
        assert leases == Counter(caller.key for caller in self.callers(lambda c: c.holds))
        self.nobody_waits_in_vain()
        assert all(self.world.residency.resident(k) in self.world.loader.alive for k in self.here())

    def here(self) -> list[Key]:
        return [key for key in TERMS if self.world.residency.is_resident(key)]

    def nobody_waits_in_vain(self) -> None:
        """The first in the queue waits for somebody who is held in place, or leaves already."""
        for ticket in list(self.world.residency._queue._tickets)[:1]:
            size = ticket.terms.size_estimate
            verdict = policy.admit(self.ledger.entries(), size, self.world.limits)
            assert isinstance(verdict, Wait)
            assert not verdict.victims

    @rule(key=KEYS)
    def one_more_asks(self, key: Key) -> None:
        self.somebody_asks(key)

    def somebody_asks(self, key: Key) -> None:
        self.later(lambda: self.world.ask(key))

    @precondition(lambda self: self.callers(lambda c: c.holds))
    @rule(data=st.data(), at_once=st.booleans())
    def a_holder_lets_go(self, data: st.DataObject, at_once: bool) -> None:
        caller = data.draw(st.sampled_from(self.callers(lambda c: c.holds)))
        self.do(caller.release, at_once=at_once)

    @precondition(lambda self: self.callers(lambda c: not c.task.done()))
    @rule(data=st.data(), at_once=st.booleans())
    def a_caller_goes_away(self, data: st.DataObject, at_once: bool) -> None:
        caller = data.draw(st.sampled_from(self.callers(lambda c: not c.task.done())))
        self.do(caller.go_away, at_once=at_once)

    @precondition(lambda self: self.callers(lambda c: c.lease is not None))
    @rule(data=st.data())
    def one_who_had_a_lease_complains(self, data: st.DataObject) -> None:
        caller = data.draw(st.sampled_from(self.callers(lambda c: c.lease is not None)))
        lease = caller.lease
        assert lease is not None
        self.later(lambda: self.world.residency.discard(lease))

    @rule(key=KEYS, gate=st.sampled_from(GATES))
    def a_gate_is_shut(self, key: Key, gate: Gate) -> None:
        self.world.loader.hold(key, gate)

    @rule(key=KEYS, gate=st.sampled_from(GATES), at_once=st.booleans())
    def a_gate_is_opened(self, key: Key, gate: Gate, at_once: bool) -> None:
        self.do(lambda: self.world.loader.open(key, gate), at_once=at_once)

    @rule(key=KEYS, footprint=st.integers(1, 20))
    def loads_of_a_key_end_well(self, key: Key, footprint: int) -> None:
        self.world.loader.footprints[key] = footprint
        self.world.loader.open(key)

    @rule(key=KEYS)
    def loads_of_a_key_fail(self, key: Key) -> None:
        self.world.loader.fail(key, OSError("broken"))

    @precondition(lambda self: self.world.loader.alive)
    @rule(data=st.data(), weighs=st.integers(1, 20))
    def a_resident_grows_or_shrinks(self, data: st.DataObject, weighs: int) -> None:
        data.draw(st.sampled_from(self.world.loader.alive)).weighs = weighs

    @precondition(lambda self: self.world.loader.alive)
    @rule(data=st.data(), at_once=st.booleans())
    def a_resident_dies(self, data: st.DataObject, at_once: bool) -> None:
        self.do(data.draw(st.sampled_from(self.world.loader.alive)).die, at_once=at_once)

    @rule(key=KEYS)
    def a_key_is_unloaded(self, key: Key) -> None:
        self.start(self.world.residency.unload(key))

    @rule()
    def the_janitor_sweeps(self) -> None:
        self.start(self.world.residency.sweep())

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def one_who_unloads_or_sweeps_goes_away(self, data: st.DataObject) -> None:
        self.later(data.draw(st.sampled_from(self.jobs)).cancel)

    @rule(key=KEYS, pinned=st.booleans())
    def a_key_is_pinned(self, key: Key, pinned: bool) -> None:
        self.later(lambda: self.pin(key, pinned=pinned))

    def pin(self, key: Key, *, pinned: bool) -> None:
        if self.ledger.get(key) is not None:
            self.world.residency.pin(key, pinned=pinned)

    @rule(seconds=st.sampled_from([1, 10, 30]))
    def time_goes_by(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @rule(budget=st.integers(5, 45), comfort=st.integers(0, 45), places=st.integers(1, 6))
    def the_limits_move(self, budget: int, comfort: int, places: int) -> None:
        self.world.limits = Limits(budget, min(comfort, budget), places)
        self.later(self.world.residency.relieve)

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert self.ledger.wrong == []
        assert self.reports == []
        assert self.world.residency.fault is None
        self.ledger.check()

    @invariant()
    def a_key_is_loaded_once(self) -> None:
        assert max(self.world.loader.most_at_once.values(), default=0) <= 1

    @invariant()
    def what_is_held_stays(self) -> None:
        for caller in self.callers(lambda c: c.holds):
            entry = self.ledger.get(caller.key)
            assert entry is not None
            assert entry.leases >= 1
            assert caller.lease is not None
            assert not caller.lease.resident.closed

    @invariant()
    def no_more_wait_than_are_allowed(self) -> None:
        assert self.world.residency.waiting <= 6

    @invariant()
    def the_line_is_remembered(self) -> None:
        waiting = self.world.residency._queue._tickets
        known = [ticket for ticket in self.ledger.line if not ticket.granted.done()]
        self.ledger.line = known + [ticket for ticket in waiting if ticket not in known]

    def teardown(self) -> None:
        try:
            self.end()
        finally:
            self.loop.close()

    def end(self) -> None:
        """Nobody is left hanging, and nothing is left behind."""
        if self.ends_by_closing:
            self.start(self.world.residency.aclose())
        self.later(self.let_everything_go)
        self.settle()
        if not self.ends_by_closing:
            self.everything_is_answered_and_unloaded()
        self.settle()

        self.nothing_went_wrong()
        self.everybody_was_answered()
        self.nothing_is_left(self.world.residency)

    def let_everything_go(self) -> None:
        self.world.limits = Limits(budget=45, comfort=45, max_entries=6)
        for caller in self.world.callers:
            caller.release()
        for key in TERMS:
            for gate in GATES:
                self.world.loader.open(key, gate)
            self.pin(key, pinned=False)
        self.start(self.world.residency.sweep())

    def everything_is_answered_and_unloaded(self) -> None:
        for caller in self.world.callers:
            caller.release()
        self.settle()
        self.everybody_was_answered()
        for key in TERMS:
            self.start(self.world.residency.unload(key))

    def everybody_was_answered(self) -> None:
        refusals: list[type[BaseException]] = [OSError, InsufficientRoom, TooManyWaiting]
        if self.ends_by_closing:
            refusals.append(CacheClosed)
        for caller in self.world.callers:
            assert caller.task.done()
            assert caller.error is None or type(caller.error) in refusals
        for job in self.jobs:
            assert job.done()
            assert job.cancelled() or job.exception() is None

    def nothing_is_left(self, residency: Residency[FakeLoaded]) -> None:
        assert residency.entries() == ()
        assert residency.residents() == ()
        assert residency.waiting == 0
        assert not residency._flights
        assert not residency._loads
        assert not residency._departures
        assert not residency._tasks
        assert not residency._watches
        assert not residency._queue._tickets
        assert not self.world.loader.alive


TestResidencyMachine = ResidencyMachine.TestCase
TestResidencyMachine.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)

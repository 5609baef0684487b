"""Book and policy against a model of them: whatever happens, in whatever order."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cache import policy
from cache.events import Cause
from cache.ledger import Entry, Ledger, State
from cache.policy import Admit, Limits, Refuse, Wait
from cache.ports import Key, Priority, Terms

KEYS = st.sampled_from("abcdefgh")
SIZES = st.integers(0, 12)
TERMS = st.builds(
    Terms,
    size_estimate=SIZES,
    priority=st.sampled_from(Priority),
    ttl=st.none() | st.integers(0, 5).map(float),
    pinned=st.sampled_from([False, False, False, True]),
)


class LedgerMachine(RuleBasedStateMachine):
    """Faults that it found when they were planted: `evictable` blind to leases, or to pins;
    `admit` blind to reservations, or taking what drains for gone; `_choose` giving nothing back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.limits = Limits(budget=24, comfort=18, max_entries=5)
        self.now = 0.0
        self.states: dict[Key, State] = {}
        self.leases: Counter[Key] = Counter()

    def entries(self) -> list[Entry]:
        return list(self.ledger.entries())

    @rule(key=KEYS, terms=TERMS)
    def a_newcomer_asks_for_room(self, key: Key, terms: Terms) -> None:
        if key in self.states:
            return
        match policy.admit(self.entries(), terms.size_estimate, self.limits):
            case Admit():
                self.ledger.reserve(key, terms, self.now)
                self.states[key] = State.LOADING
                assert self.ledger.totals().charged <= self.limits.budget
                assert len(self.entries()) <= self.limits.max_entries
            case Refuse():
                assert not self.fits_beside(terms.size_estimate, self.pinned())
            case Wait(victims, blockers):
                assert not self.fits_beside(terms.size_estimate, set(self.states))
                self.judge_victims(terms.size_estimate, victims)
                self.judge_blockers(victims, blockers)
                for victim in victims:
                    self.drain(victim, Cause.EVICTED)

    def judge_victims(self, size: int, victims: tuple[Key, ...]) -> None:
        """Idle and unpinned, enough together, and not one more than needed."""
        staying = {k for k, state in self.states.items() if state is not State.DRAINING}
        for victim in victims:
            self.judge_removal(victim)
            assert not self.fits_beside(size, (staying - set(victims)) | {victim})
        if victims:
            assert self.fits_beside(size, staying - set(victims))

    def judge_blockers(self, victims: tuple[Key, ...], blockers: tuple[Key, ...]) -> None:
        """Where somebody holds up the newcomer, nobody goes in vain."""
        assert not (victims and blockers)
        for key in blockers:
            assert self.leases[key] or self.states[key] is State.LOADING

    def judge_removal(self, key: Key) -> None:
        entry = self.ledger.get(key)
        assert entry is not None
        assert self.states[key] is State.RESIDENT
        assert self.leases[key] == 0
        assert not entry.pinned

    def fits_beside(self, size: int, staying: set[Key]) -> bool:
        charged = sum(e.charged for e in self.entries() if e.key in staying)
        room_for_one = len(staying) < self.limits.max_entries
        return charged + size <= self.limits.budget and room_for_one

    def pinned(self) -> set[Key]:
        return {e.key for e in self.entries() if e.pinned and e.state is not State.DRAINING}

    def drain(self, key: Key, cause: Cause) -> None:
        self.ledger.drain(key, cause)
        self.states[key] = State.DRAINING

    def some(self, data: st.DataObject, state: State) -> Key:
        return data.draw(st.sampled_from([k for k, s in self.states.items() if s is state]))

    @precondition(lambda self: State.LOADING in self.states.values())
    @rule(data=st.data(), footprint=SIZES, waiting=st.integers(0, 3))
    def a_load_lands(self, data: st.DataObject, footprint: int, waiting: int) -> None:
        key = self.some(data, State.LOADING)
        self.ledger.settle(key, footprint, self.now, leases=waiting)
        self.states[key] = State.RESIDENT
        self.leases[key] = waiting

    @precondition(lambda self: State.LOADING in self.states.values())
    @rule(data=st.data())
    def a_load_fails(self, data: st.DataObject) -> None:
        key = self.some(data, State.LOADING)
        self.ledger.abandon(key)
        del self.states[key]

    @precondition(lambda self: State.RESIDENT in self.states.values())
    @rule(data=st.data())
    def somebody_leases(self, data: st.DataObject) -> None:
        key = self.some(data, State.RESIDENT)
        self.ledger.lease(key, self.now)
        self.leases[key] += 1

    @precondition(lambda self: self.leases.total())
    @rule(data=st.data())
    def somebody_releases(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.leases.elements())))
        self.ledger.release(key, self.now)
        self.leases[key] -= 1

    @precondition(lambda self: State.RESIDENT in self.states.values())
    @rule(data=st.data())
    def one_is_unloaded(self, data: st.DataObject) -> None:
        self.drain(self.some(data, State.RESIDENT), Cause.UNLOADED)

    @precondition(lambda self: State.RESIDENT in self.states.values())
    @rule(data=st.data(), footprint=SIZES)
    def one_is_measured(self, data: st.DataObject, footprint: int) -> None:
        self.ledger.correct(self.some(data, State.RESIDENT), footprint)

    @precondition(lambda self: self.states)
    @rule(data=st.data(), pinned=st.booleans())
    def one_is_pinned(self, data: st.DataObject, pinned: bool) -> None:
        self.ledger.pin(data.draw(st.sampled_from(sorted(self.states))), pinned=pinned)

    @precondition(lambda self: State.DRAINING in self.states.values())
    @rule(data=st.data())
    def one_is_gone(self, data: st.DataObject) -> None:
        key = self.some(data, State.DRAINING)
        if self.leases[key]:
            return
        before, left = self.ledger.totals(), self.ledger.get(key)
        freed = self.ledger.gone(key).freed
        after = self.ledger.totals()
        assert left is not None
        assert after.charged == before.charged - left.charged
        assert after.footprint == before.footprint - freed
        del self.states[key]

    @rule(seconds=st.integers(0, 3))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds

    @rule(budget=st.integers(0, 30), comfort=st.integers(0, 30), places=st.integers(1, 6))
    def the_limits_move(self, budget: int, comfort: int, places: int) -> None:
        self.limits = Limits(budget, min(comfort, budget), places)

    @rule()
    def what_is_expired_is_removed(self) -> None:
        for key in policy.expired(self.entries(), self.now):
            self.judge_removal(key)
            self.drain(key, Cause.EXPIRED)
        assert not policy.expired(self.entries(), self.now)

    @rule()
    def what_is_above_the_mark_is_removed(self) -> None:
        for key in policy.surplus(self.entries(), self.limits.comfort):
            self.judge_removal(key)
            self.drain(key, Cause.EVICTED)
        totals = self.ledger.totals()
        idle = [e for e in self.entries() if policy.evictable(e)]
        assert totals.reserved + totals.resident <= self.limits.comfort or not idle

    @invariant()
    def the_book_is_sound(self) -> None:
        self.ledger.check()

    @invariant()
    def the_book_says_what_happened(self) -> None:
        assert {e.key: e.state for e in self.entries()} == self.states
        assert {e.key: e.leases for e in self.entries() if e.leases} == dict(+self.leases)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)

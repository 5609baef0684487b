"""Book and policy against a model of them: whatever happens, in whatever order."""

from collections import Counter
from dataclasses import replace
from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cache import lifetimes, ranking
from cache.entry import Entry, State, band
from cache.events import Cause
from cache.ledger import Ledger
from cache.policy import Admit, Limits, Policy, Refuse, Wait
from cache.ports import HOST, Key, Priority, Terms
from cache.ranking import Hold, hold
from cache.scores import gdsf

KEYS = st.sampled_from("abcdefgh")
SIZES = st.integers(0, 12)
GPU = "cuda:0"
TERMS = st.builds(
    Terms,
    size_estimate=SIZES,
    priority=st.none() | st.sampled_from(Priority),
    ttl=st.none() | st.integers(0, 5).map(float),
    pinned=st.sampled_from([False, False, False, True]),
    device=st.just(GPU),
    device_estimate=st.sampled_from([0, 0, 2, 6]),
)
POLICY = Policy(gdsf, churn_guard=2.0)


class LedgerMachine(RuleBasedStateMachine):
    """Faults that it found when they were planted: `hold` blind to leases, or to pins; `admit`
    taking what drains for gone, blind to a device, or giving up loads in vain. It found by itself
    that a pinned load was closed to those who asked for it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.limits = Limits(budget=24, comfort=18, max_entries=5, devices={GPU: 8})
        self.clocks = dict(self.ledger._clocks)
        self.now = 0.0
        self.states: dict[Key, State] = {}
        self.leases: Counter[Key] = Counter()

    def entries(self) -> list[Entry]:
        return list(self.ledger.entries())

    @rule(key=KEYS, terms=TERMS, starved=st.booleans())
    def a_newcomer_asks_for_room(self, key: Key, terms: Terms, starved: bool) -> None:
        if key in self.states:
            return
        verdict = POLICY.admit(self.entries(), terms, self.limits, self.now, starved=starved)
        slot = self.loading() < self.limits.max_loads
        match verdict:
            case Admit():
                assert self.fits_beside(terms, set(self.states))
                assert slot
                self.ledger.reserve(key, terms, self.now)
                self.states[key] = State.LOADING
            case Refuse():
                assert not self.fits_beside(terms, self.pinned(), self.ceiling())
            case Wait(victims, blockers, again, closed):
                assert not (self.fits_beside(terms, set(self.states)) and slot)
                assert again is None or again > self.now
                self.judge_closed(terms, closed, starved=starved)
                self.judge_blockers(terms, victims, blockers)
                self.judge_victims(terms, victims, guard=0.0 if starved else 2.0)
                for victim in victims:
                    self.evict(victim)

    def loading(self) -> int:
        return sum(state is State.LOADING for state in self.states.values())

    def ceiling(self) -> int:
        return max(self.limits.budget, self.limits.ceiling or 0)

    def judge_victims(self, terms: Terms, victims: tuple[Key, ...], guard: float) -> None:
        """Idle and unpinned, enough together, and not one more than needed."""
        staying = {k for k, state in self.states.items() if state is not State.DRAINING}
        for victim in victims:
            self.judge_removal(victim, guard)
        if self.fits_beside(terms, staying):
            assert self.loading() >= self.limits.max_loads or not victims
            assert len(victims) <= 1
        elif victims:
            assert self.fits_beside(terms, staying - set(victims))
            for victim in victims:
                assert not self.fits_beside(terms, (staying - set(victims)) | {victim})

    def judge_blockers(
        self, terms: Terms, victims: tuple[Key, ...], blockers: tuple[Key, ...]
    ) -> None:
        """Where somebody holds up the newcomer, nobody goes in vain."""
        by_key = {e.key: e for e in self.entries()}
        staying = {k for k, state in self.states.items() if state is not State.DRAINING}
        assert not (victims and blockers) or self.fits_beside(terms, staying)
        for key in blockers:
            why = hold(by_key[key], self.now, POLICY.churn_guard)
            loading = self.states[key] is State.LOADING
            assert loading or why in {Hold.LEASED, Hold.YOUNG}

    def judge_closed(self, terms: Terms, closed: frozenset[Key], *, starved: bool) -> None:
        """Only for one who has waited too long, only what may move, and never in vain."""
        assert starved or not closed
        assert not closed & self.pinned()
        staying = {k for k, state in self.states.items() if state is not State.DRAINING}
        assert not closed or self.fits_beside(terms, staying - closed)

    def judge_removal(self, key: Key, guard: float = 0.0) -> None:
        entry = self.ledger.get(key)
        assert entry is not None
        if self.states[key] is State.LOADING:
            assert not entry.wanted
            assert not entry.pinned
            return
        assert self.states[key] is State.RESIDENT
        assert self.leases[key] == 0
        assert not entry.pinned
        young = min(guard, 4 * entry.load_seconds) if entry.asked else 0.0
        assert entry.landed + young <= self.now

    def fits_beside(self, terms: Terms, staying: set[Key], budget: int | None = None) -> bool:
        beside = [e for e in self.entries() if e.key in staying]
        charged = sum(e.charged for e in beside) + terms.size_estimate
        device = sum(e.device_charged for e in beside if e.device == GPU) + terms.device_estimate
        on_device = not terms.device_estimate or device <= self.limits.devices[GPU]
        room_for_one = len(staying) < self.limits.max_entries
        budget = self.limits.budget if budget is None else budget
        return charged <= budget and on_device and room_for_one

    def evict(self, key: Key) -> None:
        entry = self.ledger.get(key)
        assert entry is not None
        if entry.state is State.LOADING:
            self.drain(key, Cause.ABANDONED)
            return
        self.ledger.age(entry)
        self.drain(key, Cause.EVICTED)

    def pinned(self) -> set[Key]:
        return {e.key for e in self.entries() if e.pinned and e.state is not State.DRAINING}

    def drain(self, key: Key, cause: Cause) -> None:
        self.ledger.drain(key, cause)
        self.states[key] = State.DRAINING

    def some(self, data: st.DataObject, state: State) -> Key:
        return data.draw(st.sampled_from([k for k, s in self.states.items() if s is state]))

    @precondition(lambda self: State.LOADING in self.states.values())
    @rule(
        data=st.data(),
        footprint=SIZES,
        waiting=st.integers(0, 3),
        seconds=st.sampled_from([0.0, 0.25, 1.0]),
    )
    def a_load_lands(
        self, data: st.DataObject, footprint: int, waiting: int, seconds: float
    ) -> None:
        self.now += seconds
        key = self.some(data, State.LOADING)
        self.ledger.settle(
            key, footprint, self.now, leases=waiting, device_footprint=footprint // 2
        )
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

    @precondition(lambda self: State.LOADING in self.states.values())
    @rule(data=st.data(), wanted=st.booleans())
    def a_load_is_deserted_or_joined(self, data: st.DataObject, wanted: bool) -> None:
        self.ledger.want(self.some(data, State.LOADING), wanted=wanted)

    @precondition(lambda self: self.states)
    @rule(data=st.data(), keep_alive=st.sampled_from([0.0, 2.0, inf]))
    def one_is_to_be_kept(self, data: st.DataObject, keep_alive: float) -> None:
        self.ledger.keep(data.draw(st.sampled_from(sorted(self.states))), keep_alive)

    @rule()
    def what_is_due_is_looked_at(self) -> None:
        for key in lifetimes.due(self.entries(), self.now, ahead=0.1):
            assert self.states[key] is State.RESIDENT
            self.ledger.begin_refresh(key)
        assert not lifetimes.due(self.entries(), self.now, ahead=0.1)

    @precondition(lambda self: State.RESIDENT in self.states.values())
    @rule(data=st.data())
    def one_is_refreshed(self, data: st.DataObject) -> None:
        entry = self.ledger.refresh(self.some(data, State.RESIDENT), self.now)
        assert not entry.ttl or entry.keep_alive is not None or not self.expires(entry)

    def expires(self, entry: Entry) -> bool:
        return bool(lifetimes.expired([entry], self.now))

    @rule()
    def the_classes_follow_usage(self) -> None:
        for key, priority in ranking.classes(self.entries()).items():
            self.ledger.classify(key, priority)
        named = ranking.classes(self.entries())
        assert all(e.priority is named[e.key] for e in self.entries() if e.key in named)

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
        assert freed == left.footprint
        assert after.charged == before.charged - left.charged
        assert after.footprint == before.footprint - freed
        del self.states[key]

    @rule(seconds=st.sampled_from([0, 0.25, 1, 3]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        budget=st.integers(0, 30),
        comfort=st.integers(0, 30),
        places=st.integers(1, 6),
        loads=st.integers(1, 3),
        ceiling=st.none() | st.integers(10, 40),
        device=st.integers(0, 12),
    )
    def the_limits_move(
        self, budget: int, comfort: int, places: int, loads: int, ceiling: int | None, device: int
    ) -> None:
        self.limits = Limits(budget, min(comfort, budget), places, loads, ceiling, {GPU: device})

    @rule()
    def what_is_expired_is_removed(self) -> None:
        for key in lifetimes.expired(self.entries(), self.now):
            entry = self.ledger.get(key)
            assert entry is not None
            assert not entry.refreshing
            self.judge_removal(key)
            self.drain(key, Cause.EXPIRED)
        assert not lifetimes.expired(self.entries(), self.now)

    @rule()
    def what_is_above_the_mark_is_removed(self) -> None:
        comfort = replace(self.limits, budget=self.limits.comfort)
        for key in POLICY.surplus(self.entries(), comfort, self.now):
            self.judge_removal(key)
            self.evict(key)
        staying = [e for e in self.entries() if e.state is not State.DRAINING]
        idle = [e for e in staying if hold(e, self.now, 0.0) is None]
        enough = sum(e.charged for e in staying) <= self.limits.comfort
        assert enough or not any(e.charged for e in idle)
        enough = sum(e.device_charged for e in staying) <= self.limits.devices[GPU]
        assert enough or not any(e.device_charged for e in idle if e.device != HOST)

    @invariant()
    def the_ageing_clocks_never_fall(self) -> None:
        former, self.clocks = self.clocks, dict(self.ledger._clocks)
        assert all(self.clocks[band] >= shown for band, shown in former.items())

    @invariant()
    def nobody_s_floor_is_above_his_clock(self) -> None:
        for entry in self.entries():
            assert entry.floor <= self.clocks[band(entry)]

    @invariant()
    def every_resident_carries_the_score_that_it_has_now(self) -> None:
        """Planted fault: it was not asked anew at a lease, a correction, or an inheritance."""
        for entry in self.entries():
            assert entry.score == (gdsf(entry) if entry.state is State.RESIDENT else entry.score)

    @invariant()
    def the_book_is_sound(self) -> None:
        self.ledger.check()

    @invariant()
    def the_book_says_what_happened(self) -> None:
        assert {e.key: e.state for e in self.entries()} == self.states
        assert {e.key: e.leases for e in self.entries() if e.leases} == dict(+self.leases)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)

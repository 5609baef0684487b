"""The book moves every key from absent to loading to resident to draining, and refuses the rest."""

from collections.abc import Callable

import pytest

from cache.entry import Departed, Entry, State, Totals, charge
from cache.errors import LedgerError
from cache.events import Cause
from cache.ledger import Ledger
from cache.ports import Priority, Terms


def book(state: State | None = None, leases: int = 0) -> Ledger:
    """A ledger in which "a" is in `state`: reserved 12 bytes at 100 s, weighing 10 at 103 s."""
    ledger = Ledger()
    if state is None:
        return ledger
    ledger.reserve("a", Terms(size_estimate=12), now=100.0)
    if state is not State.LOADING:
        ledger.settle("a", 10, now=103.0, leases=leases)
    if state is State.DRAINING:
        ledger.drain("a", Cause.EVICTED)
    return ledger


def test_a_reservation_charges_the_estimate_and_keeps_the_terms() -> None:
    """What policy has to know of a key is in its entry from the first moment."""
    terms = Terms(size_estimate=12, priority=Priority.HIGH, ttl=60.0, pinned=True)

    entry = Ledger().reserve("a", terms, now=100.0)

    assert (entry.state, entry.charged) == (State.LOADING, 12)
    assert (entry.priority, entry.ttl, entry.pinned) == (Priority.HIGH, 60.0, True)
    assert (entry.since, entry.last_used) == (100.0, 100.0)


def test_a_resident_s_age_and_use_count_from_the_load() -> None:
    """Not from the reservation."""
    entry = book(State.LOADING).settle("a", 10, now=103.0)

    assert (entry.state, entry.footprint) == (State.RESIDENT, 10)
    assert (entry.since, entry.last_used, entry.load_seconds) == (103.0, 103.0, 3.0)


def test_those_who_waited_hold_their_leases_from_the_start() -> None:
    """No moment in which the newcomer could be taken for idle."""
    entry = book(State.LOADING).settle("a", 10, now=103.0, leases=3)

    assert (entry.leases, entry.frequency) == (3, 3.0)


def test_a_load_that_failed_leaves_nothing() -> None:
    """Its reservation is given back."""
    ledger = book(State.LOADING)

    ledger.abandon("a")

    assert ledger.totals() == Totals(0, 0, 0, 0, 0)


def test_a_lease_is_counted_and_is_a_use() -> None:
    """Of both the number and the time."""
    entry = book(State.RESIDENT).lease("a", now=110.0)

    assert (entry.leases, entry.asked, entry.last_used) == (1, 1, 110.0)


def test_a_release_ends_one_lease_and_is_the_last_use() -> None:
    """Idle time counts from here."""
    entry = book(State.RESIDENT, leases=2).release("a", now=120.0)

    assert (entry.leases, entry.frequency, entry.last_used) == (1, 2.0, 120.0)


def test_a_lease_can_end_while_the_resident_drains() -> None:
    """That is what draining waits for."""
    entry = book(State.DRAINING, leases=1).release("a", now=120.0)

    assert (entry.state, entry.leases) == (State.DRAINING, 0)


def test_a_correction_changes_the_footprint_and_not_the_age() -> None:
    """It is no use either."""
    entry = book(State.RESIDENT).correct("a", 11)

    assert (entry.footprint, entry.since) == (11, 103.0)


@pytest.mark.parametrize(
    ("before", "footprint", "charged"),
    [(110, 100, 110), (200, 100, 125), (100, 130, 130), (0, 100, 100)],
    ids=["headroom stays", "an over-estimate goes back", "growth is charged", "never less"],
)
def test_a_resident_is_charged_its_footprint_and_the_headroom_it_was_promised(
    before: int, footprint: int, charged: int
) -> None:
    """Fault planted: the charge fell to the footprint, and the first inference outgrew it."""
    assert charge(before, footprint) == charged


@pytest.mark.parametrize("state", list(State))
def test_whatever_is_in_the_book_can_be_pinned_and_unpinned(state: State) -> None:
    """Being pinned is the operator's wish, not a state."""
    ledger = book(state)

    assert ledger.pin("a", pinned=True).pinned
    assert not ledger.pin("a", pinned=False).pinned


def test_what_drains_stays_charged_with_its_cause() -> None:
    """Its bytes are free only when it is gone."""
    ledger = book(State.RESIDENT)

    entry = ledger.drain("a", Cause.EXPIRED)

    assert (entry.state, entry.cause) == (State.DRAINING, Cause.EXPIRED)
    assert ledger.totals().leaving == entry.charged


def test_what_is_gone_says_what_it_freed_and_why() -> None:
    """And is absent from then on."""
    ledger = book(State.DRAINING)

    assert ledger.gone("a") == Departed("a", freed=10, cause=Cause.EVICTED)
    assert ledger.get("a") is None


def test_the_totals_tell_bytes_by_state() -> None:
    """Every entry is in one of the three sums, and in the count."""
    ledger = book(State.DRAINING)
    ledger.reserve("b", Terms(size_estimate=5), now=1.0)
    ledger.reserve("c", Terms(size_estimate=7), now=1.0)
    ledger.settle("c", 8, now=2.0)

    assert ledger.totals() == Totals(reserved=5, resident=8, leaving=12, footprint=18, count=3)
    assert ledger.totals().charged == 25


def test_the_entries_are_those_that_are_not_absent() -> None:
    """A frozen view: what happens later does not show in it."""
    ledger = book(State.RESIDENT)

    entries = ledger.entries()
    ledger.lease("a", now=110.0)

    assert [(e.key, e.leases) for e in entries] == [("a", 0)]


LOADING, RESIDENT, DRAINING = State.LOADING, State.RESIDENT, State.DRAINING
MOVES: dict[str, tuple[Callable[[Ledger], object], set[State | None]]] = {
    "reserve": (lambda led: led.reserve("a", Terms(size_estimate=1), 0.0), {None}),
    "settle": (lambda led: led.settle("a", 1, 0.0), {LOADING}),
    "abandon": (lambda led: led.abandon("a"), {LOADING}),
    "lease": (lambda led: led.lease("a", 0.0), {RESIDENT}),
    "correct": (lambda led: led.correct("a", 1), {RESIDENT}),
    "drain": (lambda led: led.drain("a", Cause.FAILED), {LOADING, RESIDENT}),
    "want": (lambda led: led.want("a", wanted=False), {LOADING}),
    "begin_refresh": (lambda led: led.begin_refresh("a"), {RESIDENT}),
    "refresh": (lambda led: led.refresh("a", 0.0), {RESIDENT}),
    "keep": (lambda led: led.keep("a", 0.0), {LOADING, RESIDENT, DRAINING}),
    "classify": (
        lambda led: led.classify("a", Priority.LOW),
        {LOADING, RESIDENT, DRAINING},
    ),
    "gone": (lambda led: led.gone("a"), {DRAINING}),
    "pin": (lambda led: led.pin("a", pinned=True), {LOADING, RESIDENT, DRAINING}),
    "release": (lambda led: led.release("a", 0.0), set()),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("state", [None, *State])
def test_a_move_is_refused_in_every_state_but_its_own(move: str, state: State | None) -> None:
    """Nothing is recorded that cannot be: a refusal leaves the book as it was."""
    make, allowed = MOVES[move]
    ledger = book(state)
    before = ledger.entries()

    if state in allowed:
        make(ledger)
        ledger.check()
    else:
        with pytest.raises(LedgerError):
            make(ledger)
        assert ledger.entries() == before


def test_what_is_leased_is_not_gone() -> None:
    """Fault planted: `gone` did not look at the leases."""
    ledger = book(State.DRAINING, leases=1)

    with pytest.raises(LedgerError, match="1 leases"):
        ledger.gone("a")


BROKEN: dict[str, tuple[State, Callable[[Entry], Entry]]] = {
    "stands under": (RESIDENT, lambda e: e._replace(key="b")),
    "a has bytes": (RESIDENT, lambda e: e._replace(charged=e.footprint - 1)),
    "has device bytes": (RESIDENT, lambda e: e._replace(device_footprint=1)),
    "or leases that cannot be": (RESIDENT, lambda e: e._replace(leases=-1)),
    "before it is resident": (LOADING, lambda e: e._replace(leases=1)),
    "without a cause": (DRAINING, lambda e: e._replace(cause=None)),
    "too early": (RESIDENT, lambda e: e._replace(cause=Cause.EVICTED)),
}


@pytest.mark.parametrize("complaint", BROKEN)
def test_the_check_finds_a_book_that_contradicts_itself(complaint: str) -> None:
    """One complaint for each way to be wrong."""
    state, change = BROKEN[complaint]
    ledger = book(state)
    ledger._entries["a"] = change(ledger._entries["a"])

    with pytest.raises(LedgerError, match=complaint):
        ledger.check()


def test_a_load_s_cost_is_smoothed_over_what_was_expected_and_measured() -> None:
    """Fault planted: the last load alone; another: forgotten once the key was gone."""
    ledger = Ledger()
    costs = []
    for took in (3.0, 2.0):
        ledger.reserve("a", Terms(10, load_seconds=1.0), 100.0)
        costs.append(ledger.settle("a", 10, 100.0 + took).cost)
        ledger.drain("a", Cause.EVICTED)
        ledger.gone("a")

    assert costs == [2.0, 2.0]


def test_where_nothing_was_expected_the_first_load_is_the_cost() -> None:
    ledger = Ledger()
    ledger.reserve("a", Terms(10), 100.0)

    assert ledger.settle("a", 10, 103.0).cost == 3.0


def test_a_refresh_does_not_make_a_resident_young() -> None:
    """It cost no load. Fault planted: it counted as landed anew."""
    ledger = Ledger()
    ledger.reserve("a", Terms(size_estimate=10), 0.0)
    ledger.settle("a", 10, 1.0)

    assert ledger.refresh("a", 50.0).landed == 1.0

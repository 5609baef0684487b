"""Who may come in, who has to go for it, and who has to wait."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.entry import Entry, State
from cache.policy import Admit, Limits, Policy, Refuse, Verdict, Wait
from cache.ports import HOST, Key, Terms
from cache.ranking import hold, standings
from cache.scores import lru
from tests.fakes import LRU
from tests.unit.entries import books, entry

GUARDED = Policy(lru, churn_guard=2.0)
NOW = 110.0


def limits(budget: int = 30, places: int = 10) -> Limits:
    return Limits(budget=budget, comfort=budget, max_entries=places)


def ask(
    *entries: Entry,
    size: int = 10,
    budget: int = 30,
    places: int = 10,
    policy: Policy = LRU,
    starved: bool = False,
    max_loads: int = 99,
    ceiling: int | None = None,
) -> Verdict:
    bounds = Limits(budget, budget, places, max_loads, ceiling)
    return policy.admit(entries, Terms(size_estimate=size), bounds, NOW, starved=starved)


def surplus(*entries: Entry, allowed: int, policy: Policy = LRU) -> tuple[Key, ...]:
    return policy.surplus(entries, limits(allowed), NOW)


# Room


def test_what_fits_exactly_is_admitted() -> None:
    """The last byte of the budget may be used."""
    assert ask(entry("a"), entry("b")) == Admit()


def test_one_byte_too_many_waits_for_a_victim() -> None:
    """The budget is hard."""
    assert ask(entry("a"), entry("b"), size=11) == Wait(victims=("a",))


def test_a_reservation_counts_like_a_resident() -> None:
    """Fault planted: only residents were summed up, and two loads took the same room."""
    loading = entry("a", 25, state=State.LOADING)

    assert ask(loading) == Wait(blockers=("a",))


def test_bytes_that_are_leaving_are_not_free_yet() -> None:
    """The newcomer waits for them, and nobody else has to go."""
    assert ask(entry("a", 25, state=State.DRAINING), entry("b", 5)) == Wait()


def test_more_is_drained_when_what_leaves_is_not_enough() -> None:
    """What leaves already is taken into account, not taken for all."""
    verdict = ask(entry("a", state=State.DRAINING), entry("b"), entry("c"), size=20)

    assert verdict == Wait(victims=("b",))


def test_the_last_place_is_admitted() -> None:
    """`max_entries` keys may be in the book."""
    assert ask(entry("a"), places=2) == Admit()


def test_without_a_place_somebody_has_to_go() -> None:
    """Though there are bytes enough for all."""
    assert ask(entry("a"), entry("b"), places=2, budget=1000) == Wait(("a",))


def test_a_place_that_is_being_left_is_not_free_yet() -> None:
    """What drains is still one of the keys in the book."""
    leaving = entry("a", state=State.DRAINING)

    assert ask(leaving, entry("b"), places=2, budget=1000) == Wait()


# Victims


def test_the_least_recently_used_goes_first() -> None:
    """Inside one class the end of the last lease decides."""
    verdict = ask(entry("a", used=3), entry("b", used=1), entry("c", used=2))

    assert verdict == Wait(victims=("b",))


def test_who_is_not_needed_is_given_back() -> None:
    """Small ones that come first in rank stay when a big one has to go anyway."""
    verdict = ask(entry("a", 2, used=1), entry("b", 3, used=2), entry("c", 25, used=3), size=25)

    assert verdict == Wait(victims=("c",))


def test_the_most_valuable_is_given_back_first() -> None:
    """Of two that are both spare only alone, the one of the better rank stays."""
    small = entry("a", 5, used=1), entry("b", 5, used=2)

    verdict = ask(*small, entry("c", 20, used=3), size=25)

    assert verdict == Wait(victims=("a", "c"))


def test_nobody_goes_in_vain() -> None:
    """Where even all idle ones are not enough, the newcomer waits for those that are leased."""
    verdict = ask(entry("a"), entry("b", leases=1), entry("c", leases=2), size=20)

    assert verdict == Wait(blockers=("b", "c"))


def test_a_load_that_nobody_waits_for_goes_before_any_resident() -> None:
    """Whoever is resident has at least been asked for."""
    unwanted = entry("z", state=State.LOADING, wanted=False)

    assert ask(unwanted, entry("a"), entry("b")) == Wait(victims=("z",))


def test_no_load_is_given_up_where_what_leaves_is_enough() -> None:
    """Fault found: one more was given up each time somebody looked, for room that comes anyway."""
    leaving = entry("a", state=State.DRAINING)
    unwanted = entry("b", state=State.LOADING, wanted=False)

    assert ask(leaving, unwanted, entry("c")) == Wait()


# Waiting


def test_what_leaves_already_is_no_blocker() -> None:
    """Who blocks is who stays where he is: those that leave do what they can."""
    leaving = entry("a", 20, state=State.DRAINING, leases=1)

    assert ask(leaving, entry("b", leases=1), size=30) == Wait(blockers=("b",))


def test_pinned_ones_are_no_blockers() -> None:
    """Waiting for them would not help."""
    pinned, leased = entry("a", pinned=True), entry("b", 20, leases=1)

    assert ask(pinned, leased) == Wait(blockers=("b",))


def test_a_newcomer_waits_until_the_young_have_come_of_age() -> None:
    """A place is not given to one after another; the verdict says when to ask again."""
    young = entry("a", 30, landed=109.0, load_seconds=2.0, asked=1)

    assert ask(young, policy=GUARDED) == Wait(blockers=("a",), again=111.0)
    grown = young._replace(landed=108.0)
    assert ask(grown, policy=GUARDED) == Wait(victims=("a",))


def test_the_first_to_come_of_age_is_asked_for_again() -> None:
    """He alone may be enough by then."""
    book = [entry(k, landed=109.0 + i / 10, load_seconds=2.0, asked=1) for i, k in enumerate("abc")]

    verdict = ask(*book, policy=GUARDED)

    assert isinstance(verdict, Wait)
    assert verdict.again == 111.0


def test_a_young_one_is_waited_for_though_an_older_one_could_go() -> None:
    """Else a better one goes. Fault found: `gdsf` saved nothing on a real service."""
    young = entry("a", used=1, landed=109.0, load_seconds=2.0, asked=1)

    verdict = ask(young, entry("b", used=2), entry("c", used=3), policy=GUARDED)

    assert verdict == Wait(blockers=("a",), again=111.0)


def test_one_who_is_starved_may_evict_the_young() -> None:
    """He has waited too long."""
    young = entry("a", 30, landed=109.0, load_seconds=2.0, asked=1)

    assert ask(young, policy=GUARDED, starved=True) == Wait(victims=("a",))


# Those who have waited too long


def test_for_one_who_is_starved_residents_are_closed() -> None:
    """As few as are needed, and idle ones rather than leased ones."""
    book = entry("a", leases=1, used=1), entry("b", leases=1, used=2), entry("c", used=3)

    verdict = ask(*book, size=20, starved=True)

    assert verdict == Wait(blockers=("a", "b"), closed=frozenset({"a", "c"}))


def test_a_load_under_way_is_closed_at_the_last() -> None:
    """It ends by itself, and would be leased by all who join it."""
    book = entry("a", leases=1), entry("b", 20, state=State.LOADING)

    assert ask(*book, size=10, starved=True) == Wait((), ("a", "b"), None, frozenset("a"))
    assert ask(*book, size=30, starved=True) == Wait((), ("a", "b"), None, frozenset("ab"))


def test_what_is_pinned_is_not_closed() -> None:
    """It would be closed for nothing."""
    verdict = ask(entry("a", pinned=True), entry("b", 20, leases=1), starved=True)

    assert verdict == Wait(blockers=("b",), closed=frozenset("b"))


def test_a_pinned_load_is_not_closed_nor_given_up() -> None:
    """Fault planted: a pinned load that nobody waited for was given up for its slot."""
    wanted = entry("a", 20, state=State.LOADING, pinned=True)
    unwanted = wanted._replace(wanted=False)

    assert ask(wanted, entry("b", leases=1), starved=True).closed == frozenset("b")  # type: ignore[union-attr]
    assert ask(unwanted, entry("b", leases=1), starved=True).victims == ()  # type: ignore[union-attr]
    assert ask(unwanted, size=1, max_loads=1) == Wait(blockers=("a",))


def test_a_pinned_load_is_not_closed_while_the_budget_is_low() -> None:
    """Fault planted: a pinned load counted as one that will go, and all were closed in vain."""
    book = entry("a", state=State.LOADING, pinned=True), entry("b", leases=1)

    verdict = ask(*book, budget=10, ceiling=30, starved=True)

    assert verdict == Wait(blockers=("a", "b"))


def test_nobody_is_closed_where_it_would_not_be_enough() -> None:
    """A budget that is low for a time is not made higher by it."""
    verdict = ask(entry("a", 8, leases=1), size=20, budget=10, ceiling=30, starved=True)

    assert verdict == Wait(blockers=("a",))


def test_one_who_is_not_starved_closes_nobody() -> None:
    """Requests for what is resident are served meanwhile."""
    verdict = ask(entry("a", 30, leases=1))

    assert verdict == Wait(blockers=("a",))


# Refusals


def test_what_is_bigger_than_the_budget_is_refused() -> None:
    """Waiting would not help; the reason says how much could be had."""
    verdict = ask(size=31_000_000, budget=30_000_000)

    assert verdict == Refuse("it needs 31.0 MB and at most 30.0 MB can be had")


def test_what_does_not_fit_beside_the_pinned_is_refused() -> None:
    """Pinned ones stay, so the rest of the budget is all there will ever be."""
    pinned = entry("a", 20_000_000, pinned=True)

    verdict = ask(pinned, size=11_000_000, budget=30_000_000)

    assert verdict == Refuse(
        "it needs 11.0 MB and at most 10.0 MB can be had beside what is pinned"
    )


def test_a_pinned_one_that_is_leaving_is_waited_for() -> None:
    """A pin does not keep what is unloaded."""
    assert ask(entry("a", 20, state=State.DRAINING, pinned=True), size=20) == Wait()


def test_no_more_can_be_had_than_nothing() -> None:
    """A budget below what is pinned is not told as a negative number."""
    verdict = ask(entry("a", 50, pinned=True), size=1)

    assert isinstance(verdict, Refuse)
    assert "at most 0.0 MB" in verdict.reason


def test_where_every_place_is_pinned_nobody_is_let_in() -> None:
    """The other limit that waiting does not move."""
    verdict = ask(entry("a", pinned=True), places=1, budget=1000)

    assert verdict == Refuse("all 1 places are pinned")


def test_what_fits_below_the_ceiling_waits_for_a_budget_that_is_low() -> None:
    """It may come back; nobody is evicted, for that would not be enough."""
    assert ask(entry("a", 5), size=20, budget=10, ceiling=30) == Wait()


def test_what_does_not_fit_below_the_ceiling_is_refused() -> None:
    """The ceiling is the most there ever is."""
    verdict = ask(size=31, budget=10, ceiling=30)

    assert isinstance(verdict, Refuse)


def test_a_ceiling_below_the_budget_takes_nothing_away() -> None:
    """The budget is there, whatever it was said it could become."""
    assert ask(size=30, budget=30, ceiling=10) == Admit()


# Loads at once


def test_a_newcomer_waits_for_a_load_to_end() -> None:
    """Though there is room: more would only slow each other down."""
    loading = entry("a", 1, state=State.LOADING)

    assert ask(loading, max_loads=1) == Wait(blockers=("a",))
    assert ask(loading, max_loads=2) == Admit()


def test_a_load_nobody_waits_for_is_given_up_for_its_slot() -> None:
    """One, and no more."""
    book = [entry(k, 1, state=State.LOADING, wanted=False) for k in "ab"]

    assert ask(*book, max_loads=2) == Wait(("a",), ("a", "b"))


# A device's own memory

GPU = "cuda:0"


def on_gpu(key: Key, size: int, *, device: str = GPU, leases: int = 0, used: float = 0) -> Entry:
    return entry(key, 1, device=device, device_size=size, leases=leases, used=used)


def ask_device(*entries: Entry, size: int = 10, budget: int = 30) -> Verdict:
    terms = Terms(size_estimate=1, device=GPU, device_estimate=size)
    bounds = replace(limits(budget=100), devices={GPU: budget})
    return LRU.admit(entries, terms, bounds, NOW)


def test_what_fits_into_the_device_exactly_is_admitted() -> None:
    """Its last byte may be used, too."""
    assert ask_device(on_gpu("a", 20)) == Admit()


def test_the_device_s_budget_is_as_hard_as_the_host_s() -> None:
    """Only what is on it makes room on it."""
    host, other = entry("a", used=1), on_gpu("b", 30, device="cuda:1", used=2)

    verdict = ask_device(host, other, on_gpu("c", 21, used=3))

    assert verdict == Wait(victims=("c",))


def test_who_is_held_on_the_device_is_waited_for() -> None:
    """As on the host."""
    assert ask_device(on_gpu("a", 21, leases=1)) == Wait(blockers=("a",))


def test_what_does_not_fit_into_the_device_is_refused() -> None:
    """The reason names it."""
    verdict = ask_device(size=31_000_000, budget=30_000_000)

    assert verdict == Refuse("it needs 31.0 MB of cuda:0 and at most 30.0 MB can be had")


def test_what_does_not_fit_beside_the_pinned_of_the_device_is_refused() -> None:
    """What is pinned elsewhere is in nobody's way."""
    pinned = on_gpu("a", 25)._replace(pinned=True)
    elsewhere = on_gpu("b", 25, device="cuda:1")._replace(pinned=True)

    assert isinstance(ask_device(pinned), Refuse)
    assert ask_device(elsewhere) == Admit()


def test_a_device_without_a_budget_has_no_room() -> None:
    """It may be gone, or was never there."""
    terms = Terms(size_estimate=1, device="cuda:7", device_estimate=1)

    assert isinstance(LRU.admit([], terms, limits(), NOW), Refuse)


def test_a_device_that_is_too_full_is_relieved() -> None:
    """By those on it, and not by others."""
    book = [entry("a"), on_gpu("b", 10, used=2), on_gpu("c", 10, used=1)]
    bounds = replace(limits(100), devices={GPU: 15})

    assert LRU.surplus(book, bounds, NOW) == ("c",)


def test_who_makes_room_on_the_host_makes_it_on_the_device_as_well() -> None:
    """Fault found: each memory was relieved as if nobody had gone for the other."""
    book = [
        entry("a", 5, device=GPU, device_size=2, used=1),
        entry("b", 10, device=GPU, device_size=10, used=2),
    ]
    bounds = replace(limits(10), devices={GPU: 4})

    assert LRU.surplus(book, bounds, NOW) == ("b",)


# Too much


def test_below_the_comfort_mark_nobody_goes() -> None:
    """Exactly at the mark is below it."""
    assert surplus(entry("a"), entry("b"), allowed=20) == ()


def test_above_the_comfort_mark_the_first_in_rank_goes() -> None:
    """And no more than are needed."""
    book = [entry("a", used=2), entry("b", used=1), entry("c", used=3)]

    assert surplus(*book, allowed=25) == ("b",)


def test_what_is_leaving_already_counts_as_gone() -> None:
    """A second sweep takes no second victim for the same bytes."""
    book = [entry("a", state=State.DRAINING), entry("b"), entry("c")]

    assert surplus(*book, allowed=20) == ()


def test_where_all_idle_ones_are_not_enough_all_go() -> None:
    """What is leased stays, however far above the mark."""
    book = [entry("a", 100, leases=1), entry("b"), entry("c")]

    assert surplus(*book, allowed=20) == ("b", "c")


def test_memory_does_not_wait_for_the_young() -> None:
    """The guard is for places, not for bytes that are not there."""
    young = entry("a", landed=109.0, load_seconds=2.0, asked=1)

    assert surplus(young, allowed=5, policy=GUARDED) == ("a",)


# Whatever is in the book

BOUNDS = st.builds(
    Limits,
    budget=st.integers(0, 40),
    comfort=st.just(0),
    max_entries=st.integers(1, 9),
    max_loads=st.integers(1, 4),
    ceiling=st.none() | st.integers(0, 50),
    devices=st.fixed_dictionaries({GPU: st.integers(0, 20)}),
)
TERMS = st.builds(
    Terms,
    size_estimate=st.integers(0, 20),
    device=st.just(GPU),
    device_estimate=st.integers(0, 12),
)
BOOKS = books(devices=(HOST, GPU))


def fits(entries: list[Entry], terms: Terms, bounds: Limits) -> bool:
    """Judged without the policy: is there room beside `entries`?"""
    host = sum(e.charged for e in entries) + terms.size_estimate
    device = sum(e.device_charged for e in entries if e.device == GPU) + terms.device_estimate
    on_device = not terms.device_estimate or device <= bounds.devices[GPU]
    return host <= bounds.budget and on_device and len(entries) < bounds.max_entries


@given(book=BOOKS, terms=TERMS, bounds=BOUNDS)
def test_who_is_admitted_fits(book: list[Entry], terms: Terms, bounds: Limits) -> None:
    """Into every budget, beside all that is in the book; and who is told to wait does not."""
    verdict = LRU.admit(book, terms, bounds, NOW)

    loading = sum(e.state is State.LOADING for e in book)
    fitting = fits(book, terms, bounds) and loading < bounds.max_loads
    if isinstance(verdict, Admit):
        assert fitting
    elif isinstance(verdict, Wait):
        assert not fitting


@given(book=BOOKS, terms=TERMS, bounds=BOUNDS, starved=st.booleans())
def test_victims_are_enough_and_putting_one_back_breaks_the_fit(
    book: list[Entry], terms: Terms, bounds: Limits, starved: bool
) -> None:
    """Fault planted: what was given back was not counted, and too few had to go."""
    verdict = GUARDED.admit(book, terms, bounds, NOW, starved=starved)

    victims = verdict.victims if isinstance(verdict, Wait) else ()
    staying = [e for e in book if e.key not in victims and e.state is not State.DRAINING]
    gone = [e for e in book if e.key in victims]
    if any(not fits([*staying, e], terms, bounds) for e in gone):
        assert fits(staying, terms, bounds)
        assert all(not fits([*staying, e], terms, bounds) for e in gone)
    else:  # one for its slot
        assert len(gone) <= 1
        assert all(not e.wanted for e in gone)


@given(book=BOOKS, terms=TERMS, bounds=BOUNDS, starved=st.booleans())
def test_nobody_who_is_held_has_to_go(
    book: list[Entry], terms: Terms, bounds: Limits, starved: bool
) -> None:
    """And the pinned are not even closed."""
    verdict = GUARDED.admit(book, terms, bounds, NOW, starved=starved)

    if isinstance(verdict, Wait):
        by_key = {e.key: e for e in book}
        guard = 0.0 if starved else GUARDED.churn_guard
        assert all(hold(by_key[k], NOW, guard) is None for k in verdict.victims)
        assert not any(by_key[k].pinned for k in verdict.closed)
        assert not (verdict.victims and verdict.closed)


@given(book=BOOKS, terms=TERMS, bounds=BOUNDS)
def test_once_what_is_closed_is_idle_the_starved_one_is_served(
    book: list[Entry], terms: Terms, bounds: Limits
) -> None:
    """Closing is never in vain, and closes no more than is needed."""
    verdict = GUARDED.admit(book, terms, bounds, NOW, starved=True)

    if isinstance(verdict, Wait) and verdict.closed:
        staying = [e for e in book if e.state is not State.DRAINING and e.key not in verdict.closed]
        assert fits(staying, terms, bounds)
        for e in book:
            assert e.key not in verdict.closed or not fits([*staying, e], terms, bounds)


@given(book=BOOKS, terms=TERMS, bounds=BOUNDS)
def test_the_standings_explain_the_verdict(book: list[Entry], terms: Terms, bounds: Limits) -> None:
    """Nobody goes who is shown as held; whoever is passed over before him was not enough."""
    verdict = GUARDED.admit(book, terms, bounds, NOW)
    places = standings(book, NOW, GUARDED.churn_guard)

    if isinstance(verdict, Wait) and verdict.victims:
        shown = {s.entry.key: s for s in places}
        assert all(shown[k].hold is None for k in verdict.victims)
        order = [shown[k].place for k in verdict.victims]
        assert order == sorted(order)
        last = order[-1]
        before = {s.entry.key for s in places if s.hold is None and s.place < last}
        staying = [e for e in book if e.key not in before and e.state is not State.DRAINING]
        slots = [e for e in staying if e.state is State.LOADING]
        assert not fits(staying, terms, bounds) or len(slots) >= bounds.max_loads


@given(book=BOOKS, bounds=BOUNDS)
def test_surplus_goes_until_the_budgets_hold_and_no_further(
    book: list[Entry], bounds: Limits
) -> None:
    """Or until there is nobody left who may."""
    going = GUARDED.surplus(book, bounds, NOW)

    free = replace(bounds, max_entries=99)
    nothing = Terms(size_estimate=0, device=GPU, device_estimate=0)
    staying = [e for e in book if e.key not in going and e.state is not State.DRAINING]
    movable = [e for e in staying if hold(e, NOW, 0.0) is None]

    def over(entries: list[Entry]) -> tuple[bool, bool]:
        device = sum(e.device_charged for e in entries if e.device == GPU)
        return not fits(entries, nothing, free), device > bounds.devices[GPU]

    host, device = over(staying)
    assert not host or not any(e.charged for e in movable)
    assert not device or not any(e.device_charged for e in movable if e.device == GPU)
    for e in (e for e in book if e.key in going):
        assert any(over([*staying, e]))


@pytest.mark.parametrize("size", [15, 25])
def test_the_same_book_gives_the_same_verdict_in_any_order(size: int) -> None:
    """The order in which keys came into the book is no reason."""
    book = [entry("a"), entry("b"), entry("c", leases=1)]

    verdicts = [ask(*order, starved=True, size=size) for order in (book, book[::-1])]

    assert verdicts[0] == verdicts[1]

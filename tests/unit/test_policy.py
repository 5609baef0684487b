"""Each rule of admission, rank and expiry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.events import Cause
from cache.ledger import Entry, State
from cache.policy import (
    Admit,
    Limits,
    Refuse,
    Verdict,
    Wait,
    admit,
    evictable,
    expired,
    expiry,
    rank,
    surplus,
)
from cache.ports import Key, Priority


def entry(
    key: Key,
    size: int = 10,
    *,
    state: State = State.RESIDENT,
    used: float = 0.0,
    priority: Priority = Priority.MEDIUM,
    ttl: float | None = None,
    pinned: bool = False,
    leases: int = 0,
) -> Entry:
    return Entry(
        key=key,
        state=state,
        charged=size,
        priority=priority,
        ttl=ttl,
        pinned=pinned,
        since=100.0,
        last_used=used,
        leases=leases,
        cause=Cause.EVICTED if state is State.DRAINING else None,
    )


def ask(*entries: Entry, size: int = 10, budget: int = 30, places: int = 10) -> Verdict:
    return admit(entries, size, Limits(budget=budget, comfort=budget, max_entries=places))


def keys(entries: tuple[Entry, ...]) -> list[Key]:
    return [e.key for e in entries]


def test_what_fits_exactly_is_admitted() -> None:
    """The last byte of the budget may be used."""
    assert ask(entry("a"), entry("b")) == Admit()


def test_one_byte_too_many_waits_for_a_victim() -> None:
    """The budget is hard."""
    assert ask(entry("a"), entry("b"), size=11) == Wait(victims=("a",), blockers=())


def test_a_reservation_counts_like_a_resident() -> None:
    """Fault planted: only residents were summed up, and two loads took the same room."""
    loading = entry("a", 25, state=State.LOADING)

    assert ask(loading) == Wait(victims=(), blockers=("a",))


def test_bytes_that_are_leaving_are_not_free_yet() -> None:
    """The newcomer waits for them, and nobody else has to go."""
    assert ask(entry("a", 25, state=State.DRAINING), entry("b", 5)) == Wait((), ())


def test_more_is_drained_when_what_leaves_is_not_enough() -> None:
    """What leaves already is taken into account, not taken for all."""
    verdict = ask(entry("a", state=State.DRAINING), entry("b"), entry("c"), size=20)

    assert verdict == Wait(victims=("b",), blockers=())


def test_the_last_place_is_admitted() -> None:
    """`max_entries` keys may be in the book."""
    assert ask(entry("a"), places=2) == Admit()


def test_without_a_place_somebody_has_to_go() -> None:
    """Though there are bytes enough for all."""
    assert ask(entry("a"), entry("b"), places=2, budget=1000) == Wait(("a",), ())


def test_a_place_that_is_being_left_is_not_free_yet() -> None:
    """What drains is still one of the keys in the book."""
    leaving = entry("a", state=State.DRAINING)

    assert ask(leaving, entry("b"), places=2, budget=1000) == Wait((), ())


def test_the_least_recently_used_goes_first() -> None:
    """Inside one class the end of the last lease decides."""
    verdict = ask(entry("a", used=3), entry("b", used=1), entry("c", used=2))

    assert verdict == Wait(victims=("b",), blockers=())


def test_a_lower_class_goes_before_a_higher_one() -> None:
    """However recently it was used."""
    low = entry("low", used=9, priority=Priority.LOW)
    high = entry("high", used=1, priority=Priority.HIGH)
    medium = entry("medium", used=5)

    assert keys(rank([high, medium, low])) == ["low", "medium", "high"]


def test_the_key_breaks_a_tie() -> None:
    """The same book always gives the same answer."""
    assert keys(rank([entry("b"), entry("a")])) == ["a", "b"]


@pytest.mark.parametrize(
    "held",
    [
        entry("a", leases=1),
        entry("a", pinned=True),
        entry("a", state=State.LOADING),
        entry("a", state=State.DRAINING),
    ],
    ids=["leased", "pinned", "loading", "draining"],
)
def test_what_is_held_is_no_candidate(held: Entry) -> None:
    """Fault planted: `evictable` did not look at the leases."""
    assert not evictable(held)
    assert rank([held, entry("b")]) == (entry("b"),)


def test_who_is_not_needed_is_given_back() -> None:
    """Small ones that come first in rank stay when a big one has to go anyway."""
    verdict = ask(entry("a", 2, used=1), entry("b", 3, used=2), entry("c", 25, used=3), size=25)

    assert verdict == Wait(victims=("c",), blockers=())


def test_the_most_valuable_is_given_back_first() -> None:
    """Of two that are both spare only alone, the one of the better rank stays."""
    small = entry("a", 5, used=1), entry("b", 5, used=2)

    verdict = ask(*small, entry("c", 20, used=3), size=25)

    assert verdict == Wait(victims=("a", "c"), blockers=())


def test_nobody_goes_in_vain() -> None:
    """Where even all idle ones are not enough, the newcomer waits for those that are leased."""
    verdict = ask(entry("a"), entry("b", leases=1), entry("c", leases=2), size=20)

    assert verdict == Wait(victims=(), blockers=("b", "c"))


def test_what_leaves_under_a_lease_is_a_blocker() -> None:
    """Its bytes come free only after the lease ended."""
    leaving = entry("a", 20, state=State.DRAINING, leases=1)

    assert ask(leaving, entry("b", leases=1), size=30) == Wait((), ("a", "b"))


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
    assert ask(entry("a", 20, state=State.DRAINING, pinned=True), size=20) == Wait((), ())


def test_no_more_can_be_had_than_nothing() -> None:
    """A budget below what is pinned is not told as a negative number."""
    verdict = ask(entry("a", 50, pinned=True), size=1)

    assert isinstance(verdict, Refuse)
    assert "at most 0.0 MB" in verdict.reason


def test_where_every_place_is_pinned_nobody_is_let_in() -> None:
    """The other limit that waiting does not move."""
    verdict = ask(entry("a", pinned=True), places=1, budget=1000)

    assert verdict == Refuse("all 1 places are pinned")


def test_an_idle_resident_expires_when_it_is_as_old_as_its_ttl() -> None:
    """Age counts from the load, whenever it was used."""
    old = entry("a", ttl=60, used=159)

    assert expired([old], now=159.9) == ()
    assert expired([old], now=160.0) == ("a",)


@pytest.mark.parametrize(
    "staying",
    [entry("a"), entry("a", ttl=1, leases=1), entry("a", ttl=1, pinned=True)],
    ids=["without a ttl", "leased", "pinned"],
)
def test_what_must_not_go_does_not_expire(staying: Entry) -> None:
    """However much time goes by."""
    assert expiry(staying) is None
    assert expired([staying], now=1e9) == ()


def test_at_the_time_foretold_it_is_expired() -> None:
    """Whoever sleeps until `expiry` finds it expired, though floats don't add up exactly."""
    for tenths in range(1, 200):
        entry_ = entry("a", ttl=tenths / 10)
        at = expiry(entry_)
        assert at is not None
        assert expired([entry_], at) == ("a",)


def test_below_the_comfort_mark_nobody_goes() -> None:
    """Exactly at the mark is below it."""
    assert surplus([entry("a"), entry("b")], allowed=20) == ()


def test_above_the_comfort_mark_the_first_in_rank_goes() -> None:
    """And no more than are needed."""
    book = [entry("a", used=2), entry("b", used=1), entry("c", used=3)]

    assert surplus(book, allowed=25) == ("b",)


def test_what_is_leaving_already_counts_as_gone() -> None:
    """A second sweep takes no second victim for the same bytes."""
    book = [entry("a", state=State.DRAINING), entry("b"), entry("c")]

    assert surplus(book, allowed=20) == ()


def test_where_all_idle_ones_are_not_enough_all_go() -> None:
    """What is leased stays, however far above the mark."""
    book = [entry("a", 100, leases=1), entry("b"), entry("c")]

    assert surplus(book, allowed=20) == ("b", "c")


@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8), size=st.integers(1, 40))
def test_victims_are_enough_and_none_is_spare(sizes: list[int], size: int) -> None:
    """Fault planted: what was given back was not counted, and too few had to go."""
    idle = {name: entry(name, weight) for name, weight in zip("abcdefgh", sizes, strict=False)}
    budget = max(size, sum(sizes))

    verdict = ask(*idle.values(), size=size, budget=budget)

    if isinstance(verdict, Wait):
        spared = budget - sum(e.charged for e in idle.values() if e.key not in verdict.victims)
        assert spared >= size
        assert all(spared - idle[victim].charged < size for victim in verdict.victims)
    else:
        assert verdict == Admit()
        assert sum(sizes) + size <= budget

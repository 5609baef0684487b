"""In which order residents would go, what keeps one, and of which class each is."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.entry import Entry, State
from cache.ports import Key, Priority
from cache.ranking import Hold, classes, hold, order, standings, young_until
from tests.fakes import LRU
from tests.unit.entries import books, entry

LOW, MEDIUM, HIGH = Priority
NOW = 110.0


def keys(*entries: Entry, now: float = NOW) -> list[Key]:
    return [e.key for e in order(entries, now)]


def crowd(number: int, *others: Entry, priority: Priority = MEDIUM) -> list[Entry]:
    """Residents by usage, "a" the least recently used; `others` beside them."""
    names = "abcdefghijklmnopqrstuvwxyz"[:number]
    free = [entry(n, used=10 * i, priority=priority) for i, n in enumerate(names)]
    return [*free, *others]


# What keeps one


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (entry("a", leases=1), Hold.LEASED),
        (entry("a", pinned=True), Hold.PINNED),
        (entry("a", pinned=True, leases=1), Hold.PINNED),
        (entry("a", state=State.LOADING), Hold.LOADING),
        (entry("a", state=State.LOADING, wanted=False), None),
        (entry("a", state=State.LOADING, wanted=False, pinned=True), Hold.PINNED),
        (entry("a", state=State.DRAINING, leases=1), Hold.LEAVING),
        (entry("a", landed=109.0, load_seconds=2.0, asked=1), Hold.YOUNG),
        (entry("a", landed=109.0, load_seconds=1.0, asked=1, leases=1), Hold.LEASED),
        (entry("a"), None),
    ],
)
def test_what_is_held_says_why(held: Entry, why: Hold | None) -> None:
    """Fault planted: `hold` did not look at the leases."""
    assert hold(held, NOW, guard=2.0) is why


def test_a_resident_is_young_for_as_long_as_its_load_took() -> None:
    """So a place spends half of its time on loads at most."""
    assert young_until(entry("a", landed=100.0, load_seconds=1.25, asked=1), guard=2.0) == 101.25


def test_nobody_is_young_for_longer_than_the_guard() -> None:
    """However long the load took."""
    assert young_until(entry("a", landed=100.0, load_seconds=60.0, asked=1), guard=2.0) == 102.0


def test_at_the_time_foretold_nobody_is_young() -> None:
    """Whoever asks again then finds a candidate, though floats don't add up exactly."""
    for tenths in range(1, 200):
        young = entry("a", landed=tenths / 10, load_seconds=0.1, asked=1)
        assert hold(young, young_until(young, 2.0), 2.0) is None


# The order


def test_the_key_breaks_a_tie() -> None:
    """The same book always gives the same answer."""
    assert keys(entry("b"), entry("a")) == ["a", "b"]


def test_recency_breaks_a_tie_of_the_score() -> None:
    """Two that are worth the same: who was used longer ago goes first."""
    book = [entry("a", used=2, score=0.0), entry("b", used=1, score=0.0)]

    assert [e.key for e in order(book, NOW)] == ["b", "a"]


def test_a_lower_class_goes_before_a_higher_one() -> None:
    """However recently it was used."""
    low = entry("low", used=9, priority=LOW, fixed=True)
    high = entry("high", used=1, priority=HIGH, fixed=True)
    medium = entry("medium", used=5, priority=MEDIUM, fixed=True)

    assert keys(high, medium, low) == ["low", "medium", "high"]


def test_what_is_expired_goes_before_any_class() -> None:
    """It is in nobody's way to be loaded anew."""
    old = entry("old", ttl=10.0, used=99, priority=HIGH, fixed=True)

    assert keys(entry("low", priority=LOW, fixed=True), old) == ["old", "low"]


def test_a_load_that_nobody_waits_for_goes_first_of_all() -> None:
    """Nobody has it yet, so nobody loses it."""
    unwanted = entry("z", state=State.LOADING, wanted=False)

    assert keys(entry("old", ttl=1.0), unwanted) == ["z", "old"]


def test_what_is_loading_for_somebody_or_leaving_has_no_place() -> None:
    """It is not resident."""
    others = entry("b", state=State.LOADING), entry("c", state=State.DRAINING)

    assert keys(entry("a"), *others) == ["a"]


def test_a_fixed_low_one_goes_before_the_low_by_usage_and_a_fixed_high_one_last() -> None:
    """What somebody has said goes further than what was counted."""
    low = entry("low", used=999, priority=LOW, fixed=True)
    high = entry("high", used=-1, priority=HIGH, fixed=True)

    assert keys(*crowd(6, low, high)) == ["low", *"abcdef", "high"]


def test_a_fixed_medium_one_competes_with_the_medium_by_usage() -> None:
    """By score, among them."""
    fixed = entry("fixed", used=25, priority=MEDIUM, fixed=True)

    assert keys(*crowd(6, fixed)) == ["a", "b", "c", "fixed", "d", "e", "f"]


def test_a_fixed_medium_one_goes_after_the_low_by_usage_however_idle() -> None:
    """And before the high, however busy."""
    idle = entry("idle", used=-1, priority=MEDIUM, fixed=True)
    busy = entry("busy", used=999, priority=MEDIUM, fixed=True)

    assert keys(*crowd(6, idle, busy)) == ["a", "idle", "b", "c", "d", "busy", "e", "f"]


# Classes by usage


def test_the_classes_are_thirds_of_the_order() -> None:
    """Low is what would go first; who was in no other class before is in that of his third."""
    thirds = [LOW, LOW, MEDIUM, MEDIUM, HIGH, HIGH]
    book = [e._replace(priority=p) for e, p in zip(crowd(6), thirds, strict=True)]

    assert list(classes(book).values()) == thirds


def test_newcomers_are_medium_until_they_stand_well_apart() -> None:
    """A class is left for a reason, the first one too."""
    named = classes(crowd(12))

    assert list(named.values()) == [LOW] * 3 + [MEDIUM] * 6 + [HIGH] * 3


@pytest.mark.parametrize("priority", Priority)
def test_a_single_one_is_medium(priority: Priority) -> None:
    """There is nobody to compare it with, whatever it was before."""
    assert classes(crowd(1, priority=priority)) == {"a": MEDIUM}


def test_whose_class_is_fixed_is_not_classed() -> None:
    """Nor does he move the thirds of the others."""
    fixed = [entry(k, used=-1, priority=HIGH, fixed=True) for k in "xyz"]

    assert classes(crowd(6, *fixed)) == classes(crowd(6))


@pytest.mark.parametrize(("before", "now"), [(MEDIUM, MEDIUM), (LOW, LOW)])
def test_one_just_across_an_edge_keeps_his_class(before: Priority, now: Priority) -> None:
    """Fault planted: without the slack two who take turns swapped classes each time."""
    book = crowd(24)
    book[8] = book[8]._replace(priority=before)  # the first place beyond the lower third

    assert classes(book)["i"] is now


def test_one_well_across_an_edge_changes_his_class() -> None:
    """A twelfth of all beyond it."""
    book = crowd(24, priority=LOW)

    assert classes(book)["j"] is LOW
    assert classes(book)["k"] is MEDIUM


def test_one_may_fall_by_two_classes_at_once() -> None:
    """What was high and is asked for no more does not stay medium out of habit."""
    book = crowd(24, priority=HIGH)

    assert classes(book)["a"] is LOW


# Shown


def test_standings_tell_place_class_score_and_hold() -> None:
    """As the policy sees it; a fixed class is shown as it was fixed."""
    book = [entry("a", used=5, leases=1), entry("b", used=1, priority=LOW, fixed=True)]

    first, second = standings(book, NOW, LRU.churn_guard)

    assert (first.entry.key, first.place, first.priority, first.entry.score) == ("b", 1, LOW, 1.0)
    assert (second.entry.key, second.place, second.priority) == ("a", 2, MEDIUM)
    assert (first.hold, second.hold) == (None, Hold.LEASED)


# Whatever is in the book


@given(
    scores=st.lists(st.integers(0, 40), min_size=60, max_size=120),
    fixed=st.lists(st.sampled_from([None, *Priority]), min_size=120, max_size=120),
)
def test_a_crowd_is_in_order_however_far_one_reads(
    scores: list[int], fixed: list[Priority | None]
) -> None:
    """Planted fault: the rest of the heap was taken as if it were sorted."""
    book = [
        entry(f"{number:03}", score=float(score), priority=priority or MEDIUM, fixed=bool(priority))
        for number, (score, priority) in enumerate(zip(scores, fixed, strict=False))
    ]
    named = classes(book)

    def place(e: Entry) -> tuple[int, float, Key]:
        rank = {LOW: 1, MEDIUM: 2, HIGH: 3}[named.get(e.key, e.priority)]
        end = {LOW: 0, MEDIUM: 2, HIGH: 4}[e.priority] if e.fixed else rank
        return end, e.score, e.key

    assert list(order(book, NOW)) == sorted(book, key=place)


@given(book=books())
def test_the_order_is_a_permutation_of_who_could_go(book: list[Entry]) -> None:
    """Everybody resident, and every load that nobody waits for, once."""
    found = order(book, NOW)

    expected = [
        e for e in book if e.state is State.RESIDENT or (e.state is State.LOADING and not e.wanted)
    ]
    assert sorted(e.key for e in found) == sorted(e.key for e in expected)


@given(book=books())
def test_class_and_order_never_disagree(book: list[Entry]) -> None:
    """Of two that are not expired, the one of the lower class goes first; then the score."""
    shown = standings(book, NOW, 0.0)

    lasting = [s for s in shown if s.entry.state is State.RESIDENT and not keys_expired(s.entry)]
    for former, later in pairwise(lasting):
        assert former.priority <= later.priority
        same = former.priority is later.priority and former.entry.fixed == later.entry.fixed
        if same:
            assert former.entry.score <= later.entry.score


def keys_expired(e: Entry) -> bool:
    idle = not (e.leases or e.pinned)
    return idle and e.ttl is not None and e.since + e.ttl <= NOW


@given(book=books())
def test_the_classes_are_those_of_the_standings(book: list[Entry]) -> None:
    """What is written down, and what is shown, is one thing."""
    named = classes(book)

    for shown in standings(book, NOW, 0.0):
        if shown.entry.key in named:
            assert shown.priority is named[shown.entry.key]


@given(book=books(most=26), times=st.integers(1, 4))
def test_written_down_the_classes_stay_as_they_are(book: list[Entry], times: int) -> None:
    """Nothing changes by looking again."""
    for _ in range(times):
        named = classes(book)
        book = [e._replace(priority=named.get(e.key, e.priority)) for e in book]

    assert classes(book) == named


@given(
    number=st.integers(12, 26),
    swaps=st.lists(st.integers(0, 24), max_size=10),
)
def test_a_class_does_not_flap_while_neighbours_take_turns(number: int, swaps: list[int]) -> None:
    """From 12 up, one who moves by one place and back is not classed anew each time."""
    book = crowd(number)
    for index in swaps:
        book = _classed(book)
        book = _swapped(book, index % (number - 1))
        changed = _changes(book)
        back = _swapped(_classed(book), index % (number - 1))

        assert len(changed & _changes(back)) == 0


def _classed(book: list[Entry]) -> list[Entry]:
    named = classes(book)
    return [e._replace(priority=named[e.key]) for e in book]


def _changes(book: list[Entry]) -> set[Key]:
    named = classes(book)
    return {e.key for e in book if named[e.key] is not e.priority}


def _swapped(book: list[Entry], index: int) -> list[Entry]:
    """Those on the places `index` and the next change places."""
    ranked = sorted(book, key=lambda e: e.last_used)
    first, second = ranked[index], ranked[index + 1]
    ranked[index] = first._replace(last_used=second.last_used, score=second.score)
    ranked[index + 1] = second._replace(last_used=first.last_used, score=first.score)
    return ranked


def test_what_never_expires_is_not_expired() -> None:
    """Not even at the end of time."""
    assert keys(entry("a", keep_alive=inf, ttl=1.0, used=9), entry("b", used=1)) == ["b", "a"]

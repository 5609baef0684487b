"""A replay is what the cache's own rules make of a trace."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cache.entry import Entry
from cache.policy import Policy, Wait
from cache.ports import Key, Priority
from cache.scores import Scorer, gdsf, lru
from whatif.replay import Choice, Outcome, one_by_one, planned, replay
from whatif.rivals import CONTENDERS, farthest_next_use
from whatif.trace import Access, Thing, Trace, gather

NAMES = "abcdefgh"


def trace(asked: str, **things: Thing) -> Trace:
    """One letter a request."""
    return gather(things, [Access(float(at), name) for at, name in enumerate(asked)])


def alike(asked: str) -> Trace:
    """Every thing holds one byte and takes a second; no class, so that the score alone counts."""
    thing = Thing(1, 1.0, Priority.MEDIUM)
    return trace(asked, **dict.fromkeys(asked, thing))


requests = st.text(NAMES, min_size=1, max_size=80)
things = st.builds(
    Thing,
    st.integers(1, 20),
    st.floats(0.0, 9.0),
    st.sampled_from([None, *Priority]),
    st.booleans(),
)
traces = st.builds(trace, requests, **dict.fromkeys(NAMES, things))
UNHURRIED = settings(deadline=None)
contenders = st.sampled_from(sorted(CONTENDERS))


def spy(choose: Choice, held: list[int]) -> Choice:
    """The same choice, noting what is charged after each load."""

    def noting(policy: Policy, wait: Wait, entries: Sequence[Entry], now: float) -> Sequence[Key]:
        held.append(sum(entry.charged for entry in entries))
        return choose(policy, wait, entries, now)

    return noting


@UNHURRIED
@given(traces, contenders, st.integers(1, 60), st.sampled_from([planned, one_by_one]))
def test_no_more_is_held_than_the_budget(
    trace: Trace, name: str, budget: int, choose: Choice
) -> None:
    """Fails when a victim is drained and its bytes are free before it is gone from the book."""
    held: list[int] = [0]

    outcome = replay(trace, CONTENDERS[name].scorer(trace), budget, choose=spy(choose, held))

    assert max(held) <= outcome.peak <= budget


@UNHURRIED
@given(traces, contenders, st.integers(1, 60))
def test_each_access_is_a_hit_a_miss_or_refused(trace: Trace, name: str, budget: int) -> None:
    """Fails when a refused one counts as a miss too."""
    outcome = replay(trace, CONTENDERS[name].scorer(trace), budget)

    assert outcome.accesses == len(trace.accesses)
    assert min(outcome.hits, outcome.misses, outcome.refused) >= 0


@UNHURRIED
@given(traces, contenders)
def test_where_all_fits_each_thing_is_loaded_once(trace: Trace, name: str) -> None:
    """Fails when a newcomer that fits evicts somebody."""
    outcome = replay(trace, CONTENDERS[name].scorer(trace), trace.bytes)

    assert (outcome.misses, outcome.refused, outcome.evictions) == (len(trace.things), 0, 0)
    assert outcome.load_seconds == pytest.approx(sum(t.load_seconds for t in trace.things.values()))


@UNHURRIED
@given(requests, contenders, st.integers(1, len(NAMES)))
def test_nobody_misses_less_than_who_knows_the_future_where_sizes_are_equal(
    asked: str, name: str, budget: int
) -> None:
    """Belady's theorem. Fails when the reference looks at the last use in place of the next."""
    trace = alike(asked)

    best = replay(trace, farthest_next_use(trace), budget)

    assert best.misses <= replay(trace, CONTENDERS[name].scorer(trace), budget).misses


@UNHURRIED
@given(requests, st.integers(1, len(NAMES)))
@example("abcdabeabcde", 3)  # L. A. Belady et al., Communications of the ACM 12 (1969), 349
def test_more_room_never_costs_lru_a_hit_where_sizes_are_equal(asked: str, budget: int) -> None:
    """The stack property. Fails when a hit is no use, so that the first in is the first out."""
    trace = alike(asked)

    assert replay(trace, lru, budget).hits <= replay(trace, lru, budget + 1).hits


def seen(score: Scorer, entries: list[Entry]) -> Scorer:
    def noting(entry: Entry) -> float:
        entries.append(entry)
        return score(entry)

    return noting


def test_a_load_takes_in_the_book_exactly_what_the_thing_says() -> None:
    """Fails when loads end at the access's own time: 0.1 s from 1.7e9 s on is not 0.1 s."""
    entries: list[Entry] = []
    long_ago = Trace(
        {"a": Thing(2, 0.1), "b": Thing(2, 0.3)}, [Access(1.7e9, "a"), Access(2e9, "b")]
    )

    replay(long_ago, seen(gdsf, entries), 3)

    assert {entry.key: entry.load_seconds for entry in entries} == {"a": 0.1, "b": 0.3}


def test_the_ageing_clock_shows_the_victims_score_before_it_goes() -> None:
    """Fails when victims go without `age`: whoever was often used once is never evicted."""
    worn = trace("aaab" + "cbcb" * 9, **dict.fromkeys("abc", Thing(1, 1.0, Priority.MEDIUM)))

    outcome = replay(worn, gdsf, 2, half_life=float("inf"))

    assert outcome.hits > 30


@pytest.mark.parametrize(
    ("score", "seconds"), [(lru, 10.0 + 10 * 2.0), (gdsf, 10.0 + 10 * 2.0)], ids=["lru", "gdsf"]
)
def test_what_can_never_fit_is_loaded_each_time(score: Scorer, seconds: float) -> None:
    """Fails when a refused one is not loaded, or throws somebody out."""
    big = trace("ab" * 10, a=Thing(9, 2.0), b=Thing(2, 10.0))

    outcome = replay(big, score, 8)

    assert outcome == Outcome(9, 1, 10, load_seconds=10 * 2.0 + 10.0, evictions=0, peak=2)
    assert outcome.load_seconds == seconds


def test_places_are_limited_as_bytes_are() -> None:
    """Fails when `max_entries` is not passed on."""
    assert replay(alike("abab"), lru, 9, max_entries=1).hits == 0
    assert replay(alike("abab"), lru, 9, max_entries=2).hits == 2


def test_pinned_things_stay_and_fixed_classes_count() -> None:
    """Fails when the terms lose the pin, or the class."""
    rare = dict.fromkeys("bcd", Thing(1, 1.0))

    assert replay(trace("abcdbcda", a=Thing(1, 1.0, pinned=True), **rare), lru, 2).hits == 1
    assert replay(trace("abcdbcda", a=Thing(1, 1.0, Priority.HIGH), **rare), lru, 2).hits == 1
    assert replay(trace("abcdbcda", a=Thing(1, 1.0), **rare), lru, 2).hits == 0


@pytest.mark.parametrize(("choose", "hits"), [(planned, 1), (one_by_one, 0)])
def test_victims_that_are_not_needed_are_given_back_only_as_planned(
    choose: Callable[..., Sequence[Key]], hits: int
) -> None:
    """`a` goes first, but once `b` goes `a` may stay. Fails when the two choices are swapped."""
    sizes = {"a": Thing(1, 1.0), "b": Thing(4, 1.0), "c": Thing(4, 1.0)}

    assert replay(trace("abca", **sizes), lru, 5, choose=choose).hits == hits


@pytest.mark.parametrize(
    ("classed", "classes"), [(True, set(Priority)), (False, {Priority.MEDIUM})]
)
def test_classes_follow_from_usage_only_where_they_are_asked_for(
    classed: bool, classes: set[Priority]
) -> None:
    """Fails when `classify` is never called, or always."""
    entries: list[Entry] = []
    free = trace("abcdefgh" * 3, **dict.fromkeys(NAMES, Thing(1, 1.0)))

    replay(free, seen(lru, entries), 6, classed=classed)

    assert {entry.priority for entry in entries} == classes

"""What a resident is worth, by use, load time and size; and how the ageing clock moves."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.entry import band, decayed
from cache.events import Cause
from cache.ledger import Ledger
from cache.ports import Key, Priority, Terms
from cache.ranking import order
from cache.scores import POLICIES, gdsf, lru
from tests.unit.entries import entry

MB = 10**6


def ledger_with(key: Key, priority: Priority | None = None, leases: int = 1) -> Ledger:
    """A ledger of no decay, in which `key` took a second to load and weighs 10 MB."""
    ledger = Ledger(half_life=math.inf)
    bring(ledger, key, priority, leases)
    return ledger


def bring(ledger: Ledger, key: Key, priority: Priority | None = None, leases: int = 1) -> float:
    ledger.reserve(key, Terms(size_estimate=10 * MB, priority=priority), 0.0)
    return gdsf(ledger.settle(key, 10 * MB, 1.0, leases=leases))


def test_the_score_is_the_floor_and_load_seconds_saved_per_mb() -> None:
    """H = L + F * C / S, in seconds per MB."""
    worth = entry("a", 8 * MB, floor=3.0, frequency=2.0, load_seconds=5.0)

    assert gdsf(worth) == 3.0 + 2.0 * 5.0 / 8


def test_what_weighs_nothing_has_a_score() -> None:
    """One that has died may be measured before that is noticed."""
    assert gdsf(entry("a", 0, frequency=1.0, load_seconds=2.0)) == 2.0 * MB


@pytest.mark.parametrize("more", ["frequency", "load_seconds", "floor"])
def test_more_of_it_is_worth_more(more: str) -> None:
    """Each factor for itself."""
    plain = {"frequency": 1.0, "load_seconds": 1.0, "floor": 1.0}

    raised = entry("a", **(plain | {more: 2.0}))  # type: ignore[arg-type]

    assert gdsf(raised) > gdsf(entry("a", frequency=1.0, load_seconds=1.0, floor=1.0))


def test_lru_is_the_time_of_the_last_use() -> None:
    """And of nothing else."""
    assert lru(entry("a", used=7.0, frequency=99.0)) == 7.0


def test_both_policies_have_a_name() -> None:
    """Those that the settings know."""
    assert {"gdsf": gdsf, "lru": lru} == POLICIES


def test_the_lowest_score_goes_first_however_recently_it_was_used() -> None:
    """Fault planted: the order was that of the last use, whatever the policy."""
    worthy = entry("a", used=1.0, score=0.2)
    cheap = entry("b", used=2.0, score=0.1)

    assert [e.key for e in order([worthy, cheap], 110.0)] == ["b", "a"]


# Frequency


def test_a_lease_counts_half_after_the_half_life() -> None:
    """Which is counted in leases of all keys."""
    assert decayed(8.0, leases=500, half_life=500.0) == 4.0


def test_without_a_half_life_all_leases_count_alike() -> None:
    """Infinity is a half-life, too."""
    assert decayed(8.0, leases=10**9, half_life=math.inf) == 8.0


def test_leases_of_others_let_a_frequency_fade() -> None:
    """Fault planted: the turn of the last lease was not noted, and it faded again each time."""
    ledger = Ledger(half_life=2.0)
    for key in "ab":
        ledger.reserve(key, Terms(size_estimate=10), 0.0)
        ledger.settle(key, 10, 1.0)
    ledger.lease("a", 1.0)
    ledger.lease("b", 1.0)

    again = ledger.lease("a", 1.0)

    assert again.frequency == 1.0 + 0.5
    assert ledger.lease("a", 1.0).frequency == 1.0 + 1.5 * 2**-0.5


def test_five_hundred_leases_make_an_old_one_count_half() -> None:
    """Which is what the design says. Planted fault: a half-life of 250."""
    ledger = Ledger()
    ledger.reserve("a", Terms(size_estimate=10), 0.0)
    ledger.settle("a", 10, 1.0, leases=1)

    past = decayed(1.0, 500, 500.0)
    for _ in range(500):
        ledger.release("a", 2.0)
        newest = ledger.lease("a", 2.0)

    assert newest.frequency == pytest.approx(past + sum(decayed(1.0, n, 500.0) for n in range(500)))


# The ageing clock


def test_the_clock_shows_the_highest_score_that_was_evicted() -> None:
    """Who comes after starts from there."""
    ledger = ledger_with("a", leases=3)
    victim = ledger.get("a")
    assert victim is not None

    ledger.age(victim)

    assert bring(ledger, "b") == gdsf(victim) + 1 / 10


def test_the_clock_never_falls() -> None:
    """Fault planted: the score of the last victim was taken, however low."""
    ledger = ledger_with("a")
    victim = ledger.get("a")
    assert victim is not None

    ledger.age(victim._replace(score=5.0))
    ledger.age(victim._replace(score=2.0))

    assert bring(ledger, "b") == 5.0 + 1 / 10


def test_a_lease_lifts_a_resident_to_what_the_clock_shows() -> None:
    """What is not asked for any more falls behind instead."""
    ledger = ledger_with("a")
    victim = ledger.get("a")
    assert victim is not None
    ledger.age(victim._replace(score=5.0))

    before, after = gdsf(victim), gdsf(ledger.lease("a", 2.0))

    assert (before, after) == (1 / 10, 5.0 + 2 / 10)


@pytest.mark.parametrize(
    ("victim", "newcomer", "shared"),
    [
        (Priority.LOW, Priority.LOW, True),
        (Priority.HIGH, Priority.HIGH, True),
        (Priority.MEDIUM, None, True),
        (None, Priority.MEDIUM, True),
        (Priority.LOW, None, False),
        (Priority.LOW, Priority.HIGH, False),
        (None, Priority.LOW, False),
        (None, Priority.HIGH, False),
    ],
)
def test_each_fixed_low_or_high_class_has_a_clock_of_its_own(
    victim: Priority | None, newcomer: Priority | None, shared: bool
) -> None:
    """Fault planted: one clock for all, and victims of a low class aged the high one."""
    ledger = ledger_with("a", victim)
    old = ledger.get("a")
    assert old is not None
    ledger.age(old._replace(score=5.0))

    assert bring(ledger, "b", newcomer) == (5.0 if shared else 0.0) + 1 / 10


def test_a_class_by_usage_does_not_change_the_clock() -> None:
    """It changes with the rank, and the rank is by the score."""
    ledger = ledger_with("a")

    assert band(ledger.classify("a", Priority.HIGH)) is Priority.MEDIUM


def test_a_fixed_class_cannot_follow_from_usage() -> None:
    """Somebody has said what it is."""
    ledger = ledger_with("a", Priority.LOW)

    with pytest.raises(Exception, match="the class of a is fixed"):
        ledger.classify("a", Priority.HIGH)


@given(
    scores=st.lists(st.floats(0, 1e3), min_size=1),
    half_life=st.sampled_from([1.0, 500.0, math.inf]),
)
def test_evicting_whatever_has_the_lowest_score_only_raises_scores(
    scores: list[float], half_life: float
) -> None:
    """A newcomer never starts below anybody who was evicted before it."""
    ledger = Ledger(half_life=half_life)
    bring(ledger, "victim")
    victim = ledger.get("victim")
    assert victim is not None

    for score in scores:
        ledger.age(victim._replace(score=score))
    ledger.release("victim", 2.0)
    ledger.drain("victim", Cause.EVICTED)
    ledger.gone("victim")

    assert bring(ledger, "b") >= max(scores)

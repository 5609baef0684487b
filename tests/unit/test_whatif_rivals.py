"""Whom the service's policies are compared with."""

from cache.scores import POLICIES
from tests.unit.test_whatif_replay import alike, trace
from whatif.replay import replay
from whatif.rivals import CONTENDERS, farthest_next_use, largest_first, lfu
from whatif.trace import Thing, next_uses


def test_the_next_use_of_an_access_is_the_next_one_of_the_same_thing() -> None:
    """Fails when the last use of all is taken, and when none is told as the first."""
    assert next_uses(alike("abca")) == (3, 4, 4, 4)


def test_whoever_was_used_least_since_its_load_goes_under_lfu() -> None:
    """Fails when recency decides, which would keep b."""
    assert replay(alike("aabca"), lfu, 2).hits == 2


def test_uses_before_an_eviction_do_not_count_under_lfu() -> None:
    """Plain uses since the load. Fails when counts outlive an eviction."""
    assert replay(alike("aaabbbbcaabba"), lfu, 1).hits == 2 + 3 + 1 + 1


def test_the_largest_goes_first_under_largest_first() -> None:
    """Fails with the sign turned."""
    sizes = {"a": Thing(3, 1.0), "b": Thing(1, 1.0), "c": Thing(1, 1.0)}

    assert replay(trace("abcb", **sizes), largest_first, 4).hits == 1
    assert replay(trace("abca", **sizes), largest_first, 4).hits == 0


def test_the_reference_keeps_what_is_asked_for_soonest() -> None:
    """Fails when the position is off by one, or the sign is turned."""
    asked = alike("abcabc")

    assert replay(asked, farthest_next_use(asked), 2).hits == 2
    assert replay(asked, POLICIES["lru"], 2).hits == 0


def test_the_reference_keeps_its_place_when_requests_are_refused() -> None:
    """Fails when it counts leases: a refused request has none."""
    big, small = dict.fromkeys("xy", Thing(9, 1.0)), dict.fromkeys("abc", Thing(1, 1.0))
    asked = trace("xyabcabyx", **big, **small)

    assert replay(asked, farthest_next_use(asked), 2).hits == 1


def test_only_the_services_own_policies_are_offered() -> None:
    """Fails when the clairvoyant one is called offered: then it would be recommended."""
    assert {name for name, c in CONTENDERS.items() if c.offered} == set(POLICIES)

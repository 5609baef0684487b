"""Results that were computed before: what is kept, for how long, and for whom it is not."""

import tracemalloc
from os import urandom
from random import Random

import pytest

from cache.results import ENTRY_BYTES, Results
from cache.worth import Worth
from models.engines import Row
from models.recalling import Verdict, size_of

TTL = 100.0
WINDOW = Worth().window
DIGEST = bytes(range(16))
OUTSIDE = b"\x01" + bytes(15)
"""Not in the sample of a scope that is off."""

INSIDE = bytes([Worth().sample]) + bytes(15)


def results(entries: int = 1000, *, ttl: float = TTL) -> Results[str]:
    """Room for so many, each as large as its text is long."""
    return Results(entries * (ENTRY_BYTES + 16), ttl, lambda value: len(value) - 1)


def digest(number: int) -> bytes:
    """Even in its first byte, as a hash's."""
    return bytes([number % 256]) + number.to_bytes(15)


def ask(cache: Results[str], lookups: int, *, hits: int, scope: str = "a") -> None:
    """The first so many lookups find something, the others do not."""
    cache.put(scope, DIGEST, "x", 0.0)
    for number in range(lookups):
        cache.get(scope, DIGEST if number < hits else digest(1 + number), 0.0)


def test_what_was_put_is_found_by_its_scope_and_digest_alone() -> None:
    """Planted fault: the scope left out of the key."""
    cache = results()
    cache.put("a", DIGEST, "x", 0.0)

    assert cache.get("a", DIGEST, 0.0) == "x"
    assert cache.get("b", DIGEST, 0.0) is None
    assert cache.get("a", OUTSIDE, 0.0) is None


def test_what_is_as_old_as_its_ttl_is_computed_anew() -> None:
    """Counted from when it was put, however often it is asked for. Planted fault: `>=`."""
    cache = results()
    cache.put("a", DIGEST, "x", 50.0)

    assert cache.get("a", DIGEST, 50.0 + TTL - 0.001) == "x"
    assert cache.get("a", DIGEST, 50.0 + TTL) is None
    assert cache.figures().entries == 0


def test_what_is_put_again_is_new() -> None:
    cache = results()
    cache.put("a", DIGEST, "x", 0.0)
    cache.put("a", DIGEST, "y", 50.0)

    assert cache.get("a", DIGEST, 50.0 + TTL - 1) == "y"
    assert cache.figures().entries == 1


def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    """Planted fault: the oldest goes (FIFO), though it was asked for a moment ago."""
    cache = results(entries=2)
    for number in (1, 2):
        cache.put("a", digest(number), "x", 0.0)
    cache.get("a", digest(1), 0.0)

    cache.put("b", digest(3), "x", 0.0)

    assert cache.get("a", digest(1), 0.0) == "x"
    assert cache.get("a", digest(2), 0.0) is None
    assert cache.figures().evictions == 1


def test_a_large_one_takes_the_place_of_several() -> None:
    """Planted fault: entries counted, not their bytes."""
    cache = results(entries=3)
    for number in (1, 2, 3):
        cache.put("a", digest(number), "x", 0.0)

    cache.put("a", digest(4), "x" * (ENTRY_BYTES + 17), 0.0)

    assert cache.figures().entries == 2
    assert cache.figures().bytes == cache.figures().capacity


def test_what_is_larger_than_all_there_may_be_is_not_kept_and_nothing_goes_for_it() -> None:
    """Planted fault: without the check, cachetools raises ValueError."""
    cache = results(entries=1)
    cache.put("a", DIGEST, "x", 0.0)

    cache.put("a", OUTSIDE, "xy", 0.0)

    assert cache.get("a", DIGEST, 0.0) == "x"
    assert cache.get("a", OUTSIDE, 0.0) is None


def test_a_scope_that_is_dropped_begins_anew_and_the_others_stay() -> None:
    """Planted fault: the scope's number used again."""
    cache = results()
    for scope in ("a", "b"):
        cache.put(scope, DIGEST, "x", 0.0)

    cache.drop("a")
    cache.drop("nobody")

    assert cache.get("a", DIGEST, 0.0) is None
    assert cache.get("b", DIGEST, 0.0) == "x"


def test_a_scope_that_hardly_repeats_is_switched_off() -> None:
    """39 hits of 2,000 are less than 2 %. Planted fault: judged by all scopes together."""
    cache = results()
    ask(cache, WINDOW, hits=WINDOW, scope="other")

    ask(cache, WINDOW, hits=39)
    cache.put("a", OUTSIDE, "x", 0.0)

    assert cache.get("a", OUTSIDE, 0.0) is None
    assert (cache.figures().scopes_off, cache.figures().bypassed) == (1, 1)


def test_a_scope_that_repeats_just_enough_stays_on() -> None:
    """Planted fault: `>` in place of `>=`."""
    cache = results()

    ask(cache, WINDOW, hits=40)

    assert cache.figures().scopes_off == 0


def test_each_window_is_judged_by_itself() -> None:
    """Planted fault: the counts go on, and a good past hides a bad present."""
    cache = results()

    ask(cache, WINDOW, hits=WINDOW)
    ask(cache, WINDOW, hits=0)

    assert cache.figures().scopes_off == 1


def test_of_a_scope_that_is_off_a_sample_is_kept() -> None:
    """An eighth of the digests, and always the same ones. Planted fault: nothing is kept."""
    cache = results(entries=10_000)
    ask(cache, WINDOW, hits=0)
    before = cache.figures()

    for number in range(800):
        cache.put("a", digest(number), "x", 0.0)
        cache.get("a", digest(number), 0.0)

    after = cache.figures()
    assert after.hits - before.hits == 100
    assert after.bypassed - before.bypassed == 700


def test_a_scope_whose_sample_repeats_is_switched_on_again() -> None:
    """After as many lookups of the sample as in any window. Planted fault: off for ever."""
    cache = results()
    ask(cache, WINDOW, hits=0)
    cache.put("a", INSIDE, "x", 0.0)

    for _ in range(WINDOW):
        assert cache.get("a", INSIDE, 0.0) == "x"
    cache.put("a", OUTSIDE, "y", 0.0)

    assert cache.get("a", OUTSIDE, 0.0) == "y"
    assert cache.figures().scopes_off == 0


def test_a_scope_that_is_dropped_is_on_again() -> None:
    """A new version may be asked otherwise."""
    cache = results()
    ask(cache, WINDOW, hits=0)

    cache.drop("a")

    assert cache.figures().scopes_off == 0


@pytest.mark.parametrize("entries", [1000, 11_000])
def test_the_bytes_that_are_counted_are_those_that_are_used(entries: int) -> None:
    """Measured with what predictions really are, just after the hash tables have grown.

    Planted fault: the entry's own bytes counted as 200.
    """
    random = Random(entries)  # noqa: S311  # sizes, not secrets
    cache: Results[Verdict] = Results(1 << 40, TTL, size_of)
    labels = ("a", "b", "c", "d", "e")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(entries):
            row = Row(tuple(random.random() for _ in labels), 300 + number, truncated=False)
            cache.put("a", urandom(16), Verdict(row, labels), number / 8)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert 0.8 * cache.figures().bytes < used <= cache.figures().bytes

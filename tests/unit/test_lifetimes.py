"""When a resident expires, and when it is refreshed before that."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.entry import Entry, State
from cache.lifetimes import due, expired, expiry, refresh_at
from tests.unit.entries import books, entry

TENTH = 0.1


def test_an_idle_resident_expires_when_it_is_as_old_as_its_ttl() -> None:
    """Age counts from the load, or the last refresh, whenever it was used."""
    old = entry("a", ttl=60, used=159)

    assert expired([old], now=159.9) == ()
    assert expired([old], now=160.0) == ("a",)


def test_a_keep_alive_counts_from_the_last_lease() -> None:
    """Whatever the age."""
    idle = entry("a", keep_alive=5, used=300)

    assert expiry(idle) == 305


@pytest.mark.parametrize("keep_alive", [5.0, 500.0])
def test_a_keep_alive_goes_before_the_ttl(keep_alive: float) -> None:
    """It is what somebody has asked for, be it shorter or longer."""
    assert expiry(entry("a", keep_alive=keep_alive, ttl=60, used=100)) == 100 + keep_alive


@pytest.mark.parametrize(
    "staying",
    [
        entry("a"),
        entry("a", ttl=1, leases=1),
        entry("a", ttl=1, pinned=True),
        entry("a", keep_alive=1, pinned=True),
        entry("a", ttl=1, keep_alive=inf),
        entry("a", ttl=1, refreshing=True),
        entry("a", ttl=1, state=State.LOADING),
        entry("a", ttl=1, state=State.DRAINING),
    ],
    ids=[
        "without a ttl",
        "leased",
        "pinned",
        "pinned with a keep-alive",
        "kept for ever",
        "looked at",
        "loading",
        "leaving",
    ],
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


def test_a_refresh_is_due_in_the_last_tenth_of_the_ttl() -> None:
    """Of what was asked for since it was loaded or refreshed."""
    asked = entry("a", ttl=60, asked=1)

    assert refresh_at(asked, TENTH) == 154.0
    assert due([asked], 153.9, TENTH) == ()
    assert due([asked], 154.0, TENTH) == ("a",)


@pytest.mark.parametrize(
    "used",
    [
        entry("a", ttl=60, asked=3),
        entry("a", ttl=60, asked=3, leases=1),
        entry("a", ttl=60, pinned=True),
        entry("a", ttl=60, keep_alive=inf),
        entry("a", ttl=60, keep_alive=5),
    ],
    ids=["asked for", "leased", "pinned", "kept for ever", "kept for a while"],
)
def test_what_is_in_use_is_refreshed(used: Entry) -> None:
    """Somebody wants it."""
    assert due([used], 160.0, TENTH) == ("a",)


@pytest.mark.parametrize(
    "idle",
    [
        entry("a", ttl=60),
        entry("a", asked=3),
        entry("a", ttl=60, asked=3, refreshing=True),
        entry("a", ttl=60, asked=3, state=State.LOADING),
        entry("a", ttl=60, asked=3, state=State.DRAINING),
    ],
    ids=["idle", "without a ttl", "looked at already", "loading", "leaving"],
)
def test_what_is_not_in_use_or_has_no_age_is_not_refreshed(idle: Entry) -> None:
    """It may expire, or never does."""
    assert refresh_at(idle, TENTH) is None
    assert due([idle], 1e9, TENTH) == ()


@given(book=books(), now=st.sampled_from([100.0, 109.0, 110.0, 120.0, 130.0]))
def test_whoever_expires_is_idle_and_resident(book: list[Entry], now: float) -> None:
    """Nobody is taken from under a lease or a pin."""
    gone = set(expired(book, now))

    for e in book:
        if e.key in gone:
            assert e.state is State.RESIDENT
            assert not e.leases
            assert not e.pinned


def test_who_refreshes_nothing_ahead_refreshes_nothing() -> None:
    """Fault planted: 0 made it due as it expired."""
    assert refresh_at(entry("a", ttl=10.0, asked=1), 0.0) is None

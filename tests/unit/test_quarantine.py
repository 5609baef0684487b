"""Keys whose loads fail are left alone, longer with each failure in a row."""

import pytest

from cache.errors import Quarantined
from cache.quarantine import Backoff, Quarantine, Suspension


@pytest.fixture
def quarantine() -> Quarantine:
    return Quarantine(Backoff(base=1.0, most=300.0))


def test_nothing_is_held_against_one_who_never_failed(quarantine: Quarantine) -> None:
    """He may be tried at any time."""
    quarantine.check("a", 0.0)

    assert quarantine.get("a") is None


def test_each_failure_in_a_row_doubles_the_time() -> None:
    """Up to the most, and without an overflow however many there are."""
    backoff = Backoff(base=1.0, most=300.0)

    assert [backoff.after(n) for n in range(1, 11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert backoff.after(10**6) == 300


def test_who_has_failed_is_left_alone_until_his_time_is_over(quarantine: Quarantine) -> None:
    """The error says for how long, how often he failed, and why."""
    quarantine.failed("a", "no such file", 100.0)
    quarantine.failed("a", "broken", 100.0)

    with pytest.raises(Quarantined, match="a failed to load 2 times in a row") as error:
        quarantine.check("a", 100.5)
    assert error.value.retry_after == 1.5
    assert "tried again in 2 s; the last error: broken" in str(error.value)

    quarantine.check("a", 102.0)


def test_it_is_told_what_is_held_against_him(quarantine: Quarantine) -> None:
    """Also when he may be tried again: the next failure counts on."""
    suspension = quarantine.failed("a", "broken", 100.0)

    assert suspension == Suspension(1, "broken", 101.0)
    assert quarantine.get("a") is suspension
    assert quarantine.failed("a", "again", 200.0) == Suspension(2, "again", 202.0)


def test_who_is_forgiven_begins_anew(quarantine: Quarantine) -> None:
    """And forgiving one who did nothing is no error."""
    for _ in range(5):
        quarantine.failed("a", "broken", 100.0)

    quarantine.forgive("a")
    quarantine.forgive("b")
    quarantine.check("a", 100.0)

    assert quarantine.failed("a", "again", 100.0).failures == 1


def test_the_failures_of_one_are_not_held_against_another(quarantine: Quarantine) -> None:
    """By key."""
    quarantine.failed("a", "broken", 100.0)

    quarantine.check("b", 100.0)

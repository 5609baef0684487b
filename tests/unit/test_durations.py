"""Keep-alives as callers write them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.durations import FOREVER, MAX_SECONDS, parse_duration

TEXTS = st.one_of(st.text(max_size=12), st.text(alphabet="0123456789.hms-+e ", max_size=12))
NUMBERS = st.one_of(st.integers(), st.floats(), st.booleans(), st.none())


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5m", 300.0),
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("500ms", 0.5),
        ("1h1m1s1ms", 3661.001),
        ("1.5h", 5400.0),
        ("300", 300.0),
        (300, 300.0),
        (1.5, 1.5),
        ("0", 0.0),
        (0, 0.0),
        ("0s", 0.0),
        ("-0", 0.0),
        (-0.0, 0.0),
        ("-1", FOREVER),
        (-1, FOREVER),
        (-0.5, FOREVER),
        ("-5m", FOREVER),
        (-math.inf, FOREVER),
        (MAX_SECONDS, MAX_SECONDS),
    ],
)
def test_a_duration_is_read_in_seconds(value: object, seconds: float) -> None:
    """Seen failing with "m" tried before "ms", and with a negative number taken as it is."""
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "5 parsecs",
        "5 m",
        "5m ",
        "5m\n",
        "m",
        "-",
        "+5",
        "1e3",
        "30m1h",
        "5m5m",
        "NaN",
        "inf",
        "\u0665",
        "1_000",
        "0x10",
        "87601h",
        "9" * 400,
        "9" * 400 + "h",
        MAX_SECONDS + 1,
        10**400,
        math.inf,
        math.nan,
        True,
        False,
        None,
        [],
        {"m": 5},
    ],
    ids=repr,
)
def test_what_is_no_duration_is_refused_with_the_forms(value: object) -> None:
    """Seen failing with True taken for a second, and with an Arabic digit taken."""
    with pytest.raises(ValueError, match="give a duration like"):
        parse_duration(value)


@given(st.one_of(TEXTS, NUMBERS))
def test_anything_is_refused_or_gives_seconds_that_make_sense(value: object) -> None:
    """Seen failing with NaN let through, and with an OverflowError of a large integer."""
    try:
        seconds = parse_duration(value)
    except ValueError:
        return

    assert 0 <= seconds <= MAX_SECONDS or seconds == FOREVER


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_parts_add_up(hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    """Seen failing with the minutes counted as hours."""
    text = f"{hours}h{minutes}m{seconds}s{milliseconds}ms"

    assert parse_duration(text) == pytest.approx(
        3600 * hours + 60 * minutes + seconds + milliseconds / 1000
    )

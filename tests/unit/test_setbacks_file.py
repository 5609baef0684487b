"""What is held against versions, as it is kept in a file."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.setbacks import Noted, Setback
from models.setbacks_file import as_text, parse, read_setbacks
from tests.fakes_serving import FakeSystemClock

REGISTERED = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)
ROW = {
    "model": "mine:v2",
    "registered": REGISTERED.isoformat(),
    "error": "it said NaN",
    "at": REGISTERED.isoformat(),
    "on_trial": True,
    "instead": "mine:v1",
}


FREE = {"error", "on_trial"}


def noted(error: str = "it said NaN", at: float = 900.0, *, held: bool = True) -> Noted:
    return Noted(REGISTERED, Setback(error, at, held, held, "mine:v1"))


@given(st.text(), st.floats(0, 1e6))
def test_what_is_written_is_read_again(error: str, at: float) -> None:
    """Times within a microsecond, whatever the clock of the process."""
    clock = FakeSystemClock()

    [(key, found)] = parse(as_text({"mine:v2": noted(error, at)}, clock).encode(), clock).items()

    assert (key, found.registered) == ("mine:v2", REGISTERED)
    assert found.setback.at == pytest.approx(at, abs=1e-5)
    assert (found.setback.error, found.setback.held) == (error, True)
    assert (found.setback.on_trial, found.setback.instead) == (True, "mine:v1")


def test_a_time_is_that_of_the_wall_clock_also_in_another_process() -> None:
    """Planted fault: the monotonic seconds of one were taken for those of the other."""
    clock = FakeSystemClock()
    text = as_text({"mine:v2": noted(at=900.0)}, clock)
    clock.utc = lambda at: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at + 5000)  # type: ignore[method-assign]

    [found] = parse(text.encode(), clock).values()

    assert found.setback.at == pytest.approx(900.0 - 5000)


def test_what_is_not_held_against_a_version_is_not_kept() -> None:
    clock = FakeSystemClock()

    assert parse(as_text({"mine:v2": noted(held=False)}, clock).encode(), clock) == {}


def test_the_latest_are_kept_when_there_are_too_many() -> None:
    clock = FakeSystemClock()
    many = {f"mine:v{n}": noted(at=float(n)) for n in range(1000)}

    found = parse(as_text(many, clock).encode(), clock)

    assert set(found) == {f"mine:v{n}" for n in range(744, 1000)}


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"version": 2, "setbacks": []},
        {"version": 1, "setbacks": 3},
        {"version": 1, "setbacks": [3]},
        *(
            {"version": 1, "setbacks": [{**ROW, key: None}]}
            for key in ROW
            if key not in {"error", "on_trial"}
        ),
        {"version": 1, "setbacks": [{**ROW, "model": "../etc/passwd"}]},
        {"version": 1, "setbacks": [{**ROW, "at": "yesterday"}]},
    ],
)
def test_another_document_is_passed_over_with_a_word(
    document: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "setbacks.json"
    path.write_text(json.dumps(document), encoding="utf-8")

    with caplog.at_level(logging.WARNING):
        assert read_setbacks(path, FakeSystemClock()) == {}

    assert len(caplog.messages) == 1
    assert f"{path} is passed over" in caplog.text


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_a_value_error(data: bytes) -> None:
    try:
        parse(data, FakeSystemClock())
    except ValueError:
        return


def test_half_a_file_is_passed_over(tmp_path: Path) -> None:
    clock, path = FakeSystemClock(), tmp_path / "setbacks.json"
    text = as_text({"mine:v2": noted()}, clock)
    path.write_text(text[: len(text) // 2], encoding="utf-8")

    assert read_setbacks(path, clock) == {}


def test_no_file_is_no_setback_and_no_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_setbacks(tmp_path / "none", FakeSystemClock()) == {}
    assert caplog.messages == []

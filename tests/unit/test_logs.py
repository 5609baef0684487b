"""The log's lines: as text and as JSON, and what they leave out."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.logs import TextFormatter, kind, report
from api.logs_json import FIELDS, json_formatter
from api.tickets import CURRENT, Ticket

MARK = "marked text"


@pytest.fixture
def request_id() -> Iterator[str]:
    token = CURRENT.ticket.set(Ticket(b"mine-1"))
    yield "mine-1"
    CURRENT.ticket.reset(token)


def raised(message: str) -> Any:
    """An error with a cause, as a logger gets it."""
    error = ZeroDivisionError(message)
    error.__cause__ = KeyError(message)
    with suppress(ZeroDivisionError):
        _raise(error)
    return type(error), error, error.__traceback__


def _raise(error: Exception) -> None:
    raise error


def record(message: str = "hello", *, error: Any = None, name: str = "api.x") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 1, message, (), error)


def line(record: logging.LogRecord) -> dict[str, str]:
    written = json_formatter().format(record)
    assert "\n" not in written
    parsed: dict[str, str] = json.loads(written)
    return parsed


def test_a_line_has_time_level_logger_and_message_in_this_order() -> None:
    found = line(record())

    assert tuple(found) == FIELDS[:4]
    assert found["timestamp"].endswith("Z")
    assert (found["level"], found["logger"], found["message"]) == ("error", "api.x", "hello")


@given(st.text())
def test_any_message_is_one_line_of_json(message: str) -> None:
    assert line(record(message))["message"] == message


def test_model_and_request_are_fields_where_they_are_known(request_id: str) -> None:
    """Nothing else that a caller adds is. Planted fault: a line of more than FIELDS."""
    full = record()
    full.model, full.text = "bert", MARK

    found = line(full)

    assert (found["model"], found["request_id"]) == ("bert", request_id)
    assert set(found) <= set(FIELDS)


@pytest.mark.usefixtures("request_id")
@pytest.mark.parametrize("formatter", [json_formatter(), TextFormatter()], ids=["json", "text"])
def test_an_error_of_a_request_is_told_without_its_message(formatter: logging.Formatter) -> None:
    """Its cause's too. Planted fault: the usual formatException."""
    written = formatter.format(record(error=raised(MARK)))

    assert MARK not in written
    assert "KeyError" in written
    assert "ZeroDivisionError" in written
    assert "in raised" in written


@pytest.mark.parametrize("name", ["asyncio", "uvicorn.error"])
def test_so_is_what_a_request_may_have_left_behind(name: str) -> None:
    assert MARK not in line(record(error=raised(MARK), name=name))["exception"]


def test_errors_of_the_service_itself_are_told_whole() -> None:
    """Else nobody could mend them. Planted fault: the message always left out."""
    assert f"ZeroDivisionError: {MARK}" in line(record(error=raised(MARK)))["exception"]
    assert f"ZeroDivisionError: {MARK}" in TextFormatter().format(record(error=raised(MARK)))


def test_a_request_that_was_answered_names_no_line_any_more(request_id: str) -> None:
    """Runners live on in the context of the request that they were loaded for."""
    ticket = CURRENT.ticket.get()
    assert ticket is not None
    ticket.open = False

    assert "request_id" not in line(record())


async def test_the_loop_s_reports_do_not_write_out_the_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its repr has the error's message."""
    loop = asyncio.get_running_loop()
    error = KeyError(MARK)
    report(loop, {"message": f"Task exception <Task {error!r}>", "exception": error, "task": 1})

    assert [MARK in line(each)["message"] for each in caplog.records] == [False]
    assert MARK not in str([line(each) for each in caplog.records])


def test_what_the_loop_says_is_kept_up_to_an_object() -> None:
    assert kind({"message": "Exception in callback <Handle f()>"}) == "Exception in callback"
    assert kind({}) == "an error"

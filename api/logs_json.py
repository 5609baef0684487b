"""A line of the log as a JSON object, by structlog."""

import logging
import traceback
from collections.abc import MutableMapping
from typing import Any, cast

from structlog.processors import EventRenamer, JSONRenderer, TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from api.tickets import CURRENT
from api.withholding import may_quote
from models.traces import places

Line = MutableMapping[str, Any]
FIELDS = ("timestamp", "level", "logger", "message", "request_id", "model", "exception")
"""All that a line may have, in their order; the last three where there is something to say."""


def json_formatter() -> logging.Formatter:
    """Make one for a handler: FIELDS, all of them text; the timestamp in UTC, by RFC 3339."""
    return ProcessorFormatter(
        processors=[
            add_log_level,
            add_logger_name,
            TimeStamper(fmt="iso", utc=True),
            ExtraAdder(allow=["model"]),
            EventRenamer("message"),
            _with_request,
            _with_error,
            _in_order,
            JSONRenderer(),
        ]
    )


def _with_request(_logger: object, _method: str, line: Line) -> Line:
    request = CURRENT.id()
    return line if request is None else {**line, "request_id": request}


def _with_error(_logger: object, _method: str, line: Line) -> Line:
    found = line.get("exc_info")
    if not found or found[1] is None:
        return line
    withheld = may_quote(cast("logging.LogRecord", line["_record"]))
    told = places(found[1]) if withheld else "".join(traceback.format_exception(found[1]))
    return {**line, "exception": told.rstrip()}


def _in_order(_logger: object, _method: str, line: Line) -> Line:
    return {name: line[name] for name in FIELDS if name in line}

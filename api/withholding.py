"""Which errors the log tells without their messages: those that may quote a request."""

import logging

from api.tickets import CURRENT

PRIVATE = ("api.logs", "asyncio", "uvicorn.error")
"""Loggers of errors that may come from a request, and do not know it."""


def error_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def may_quote(record: logging.LogRecord) -> bool:
    """Does its error come from a request, or could it? Then its message is left out."""
    return CURRENT.id() is not None or record.name in PRIVATE

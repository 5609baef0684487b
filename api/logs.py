"""How the log is written: as text, or as a JSON object a line. Neither quotes a request."""

import asyncio
import copy
import logging
import sys
from typing import Any, Literal

from api.withholding import error_of, may_quote
from models.traces import places

Form = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]
PACKAGES = ("api", "models", "cache")
SERVERS = ("bentoml", "uvicorn.error", "circus")
"""Loggers that BentoML gives a handler of their own."""
logger = logging.getLogger(__name__)


class TextFormatter(logging.Formatter):
    """As the formatter that it replaces, but for what an error says that may quote a text."""

    def format(self, record: logging.LogRecord) -> str:
        error = error_of(record)
        if error is not None and may_quote(record):
            record = copy.copy(record)
            record.exc_text = places(error)
        return super().format(record)


def write_logs(form: Form) -> None:
    """Take over the handlers that BentoML has made. In JSON all goes to standard error."""
    for name in (None, *SERVERS):
        each = logging.getLogger(name)
        handlers = [handler for handler in each.handlers if _streams(handler)]
        for handler in handlers:
            _take_over(handler, form)
        if name and handlers:
            each.propagate = False  # or the root's handler would write the line again
    if form == "json":
        logging.captureWarnings(True)


def set_level(level: Level | None) -> None:
    """Of our packages and BentoML. None: info, unless BentoML was told to be quiet or to debug.

    Libraries stay as they are: what they tell at lower levels may quote a request.
    """
    usual = logging.getLogger().level
    named = logging.INFO if usual == logging.WARNING else usual
    for package in PACKAGES:
        logging.getLogger(package).setLevel(level.upper() if level else named)
    if level:
        logging.getLogger("bentoml").setLevel(level.upper())


def report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what the event loop was told of; asyncio itself would write out the task with its error.

    For `loop.set_exception_handler`.
    """
    logger.error("The event loop reports: %s", kind(context), exc_info=context.get("exception"))


def kind(context: dict[str, Any]) -> str:
    """What the loop says, up to where it names an object."""
    return str(context.get("message", "an error")).partition("<")[0].strip()


def _streams(handler: logging.Handler) -> bool:
    return type(handler) is logging.StreamHandler


def _take_over(handler: logging.Handler, form: Form) -> None:
    if form == "json":
        from api.logs_json import json_formatter  # noqa: PLC0415 - structlog only where it is used

        handler.setFormatter(json_formatter())
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
        return
    usual = handler.formatter or logging.Formatter()
    handler.setFormatter(TextFormatter(usual._fmt, usual.datefmt))  # noqa: SLF001 - not told elsewise

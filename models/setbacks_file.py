"""What is held against versions, in a small file beside the access journal, so that it outlives us.

Of several services with one file, the last that has written is remembered.
"""

import asyncio
import json
import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.catalogue import parse_ref
from models.clock import SystemClock
from models.errors import ModelNotFound
from models.setbacks import Noted, Setback, Setbacks

_log = logging.getLogger(__name__)

_VERSION = 1
_MOST = 256
"""Versions; the latest count."""

_MOST_BYTES = 1 << 20


def read_setbacks(path: Path, clock: SystemClock) -> dict[str, Noted]:
    """What the file has, by "name:version"; nothing where there is none. Blocks.

    One that cannot be read or understood is logged, and counts for nothing.
    """
    try:
        with path.open("rb") as file:
            return parse(file.read(_MOST_BYTES), clock)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("%s is passed over, nothing is held against any version: %s", path, error)
        return {}


def parse(data: bytes, clock: SystemClock) -> dict[str, Noted]:
    """Raises ValueError for what `as_text` has not written."""
    try:
        document = json.loads(data)
        if document["version"] != _VERSION:
            raise ValueError(f"its version is {document['version']}, not {_VERSION}")
        return dict(_noted(row, clock) for row in document["setbacks"])
    except (KeyError, TypeError, AttributeError, RecursionError, ModelNotFound) as error:
        raise ValueError(f"it is no list of setbacks ({error!r})") from error


def as_text(noted: Mapping[str, Noted], clock: SystemClock) -> str:
    """The latest of what is held against versions, as JSON. Times are those of the wall clock."""
    held = [(key, one) for key, one in noted.items() if one.setback.held]
    rows = [_row(key, one, clock) for key, one in sorted(held, key=lambda each: each[1].setback.at)]
    return json.dumps({"version": _VERSION, "setbacks": rows[-_MOST:]}, indent=1) + "\n"


def _row(key: str, noted: Noted, clock: SystemClock) -> dict[str, object]:
    setback = noted.setback
    return {
        "model": key,
        "registered": noted.registered.isoformat(),
        "error": setback.error,
        "at": clock.utc(setback.at).isoformat(),
        "on_trial": setback.on_trial,
        "instead": setback.instead,
    }


def _noted(row: Mapping[str, Any], clock: SystemClock) -> tuple[str, Noted]:
    now = clock.monotonic()
    at = now + (_time(row["at"]) - clock.utc(now)).total_seconds()
    key, instead = (str(parse_ref(row[name])) for name in ("model", "instead"))
    setback = Setback(str(row["error"]), at, True, row["on_trial"] is True, instead)
    return key, Noted(_time(row["registered"]), setback)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class SetbacksFile:
    """Writes what is noted, each time that changes, while it runs."""

    def __init__(self, path: Path, setbacks: Setbacks, clock: SystemClock) -> None:
        self._path = path
        self._setbacks = setbacks
        self._clock = clock
        self._text = ""
        self._changed = asyncio.Event()
        self._one_at_a_time = threading.Lock()
        setbacks.watch(self._note)

    async def run(self) -> None:
        """Write for ever; ends by cancellation, when all has been written."""
        try:
            while True:
                await self._changed.wait()
                text = self._text
                await asyncio.to_thread(self._write)
                if text is self._text:
                    self._changed.clear()
        finally:
            if self._changed.is_set():
                await asyncio.to_thread(self._write)

    def _note(self) -> None:
        self._text = as_text(self._setbacks.noted, self._clock)
        self._changed.set()

    def _write(self) -> None:
        """The latest text, in whichever thread it is asked for last."""
        try:
            with self._one_at_a_time:
                _replace(self._path, self._text)
        except OSError as error:
            _log.warning("what is held against versions is not kept: %s", error)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.part")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)

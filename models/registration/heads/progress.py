"""How far a child process is, told through a file: written there, read by who waits for it."""

import json
import time
from pathlib import Path

_EVERY = 0.5
"""Seconds between two writings."""

_PARTS = 10
_MINUTE = 60.0
_SLOW = 1e-9


class Progress:
    """The side of the child."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()
        self._written = self._began

    def told(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now - self._written < _EVERY and done < of:
            return
        self._written = now
        part = self._path.with_name(f"{self._path.name}.part")
        part.write_text(json.dumps([done, of, now - self._began]), encoding="ascii")
        part.replace(self._path)


class Watcher:
    """The other side: gives each tenth once, as a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tenth = 0

    def line(self) -> str | None:
        """What is new since the last look, if a tenth more is done."""
        try:
            done, of, seconds = json.loads(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        tenth = done * _PARTS // of
        if tenth <= self._tenth or done == of:
            return None
        self._tenth = tenth
        return told(done, of, seconds)


def told(done: int, of: int, seconds: float) -> str:
    """Rate and time left, of texts in the order of their lengths: the last are the slowest."""
    rate = done / max(seconds, _SLOW)
    left = (of - done) / rate
    shown = f"{left:.0f} s" if left < _MINUTE else f"{left / _MINUTE:.1f} minutes"
    return f"Reading {of:,} texts … {done / of:.0%}, {rate:,.0f} a second, {shown} or more left"

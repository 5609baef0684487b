"""Says on stderr how many texts are done, and how many a second."""

import sys
import time
from types import TracebackType
from typing import Self

_SHOW_EVERY = 0.1
"""Seconds between two looks of the line on a terminal."""


class Progress:
    """On a terminal one line that counts; elsewhere a line for every fifth part."""

    def __init__(self) -> None:
        self._what = ""
        self._began = self._shown = time.monotonic()
        self._last = 0
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_line()

    def told(self, what: str, done: int, of: int) -> None:
        """`done` of so many are `what`; the rate is that of everything called `what` so far."""
        now = time.monotonic()
        if what != self._what:
            self._end_line()
            self._what, self._began, self._shown, self._last = what, now, now, 0
        fifth, self._last = done * 5 // of > self._last * 5 // of, done
        if sys.stderr.isatty():
            if done == of or now - self._shown > _SHOW_EVERY:
                self._shown, self._open = now, True
                self._write(f"\r{self._line(done, of, now)}")
        elif fifth:
            self._write(f"{self._line(done, of, now)}\n")

    def _line(self, done: int, of: int, now: float) -> str:
        rate = done / max(now - self._began, 1e-3)
        return f"{done:,} of {of:,} {self._what}, {rate:,.0f} a second"

    def _end_line(self) -> None:
        if self._open:
            self._open = False
            self._write("\n")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

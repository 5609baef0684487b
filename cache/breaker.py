"""A circuit breaker: something outside that failed several times in a row is left alone a while.

Pure: the time is an argument, and nothing waits.
"""

from enum import Enum


class Circuit(Enum):
    """Closed: used. Open: left alone. Half open: being tried, by one call."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class Breaker:
    """Opens after `limit` failures in a row, for `rest` seconds; then one call may try.

    Who is allowed says how it went. One that tries and says nothing is given `rest` seconds, then
    the next may try. After a trial that went well a single failure opens it again, until a second
    call went well: what only answers trials costs one failure in `rest` seconds.
    """

    def __init__(self, limit: int, rest: float) -> None:
        self._limit = limit
        self.rest = rest
        self._failures = 0
        self._until: float | None = None
        self._tried = False
        self.opened = 0
        """How often it opened; to stay open after a trial is not to open."""

    def allows(self, now: float) -> bool:
        """May a call be made? Where the rest is over, this is the trial, and the only one."""
        if self._until is None:
            return True
        if now < self._until:
            return False
        self._tried = True
        self._until = now + self.rest
        return True

    def succeeded(self) -> None:
        self._failures = 0 if self._until is None else self._limit - 1
        self._until = None
        self._tried = False

    def failed(self, now: float) -> None:
        self._failures += 1
        if self._until is None and self._failures < self._limit:
            return
        self.opened += self._until is None
        self._until = now + self.rest
        self._tried = False

    def wait(self, now: float) -> float:
        """Seconds until a call may be made."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def circuit(self) -> Circuit:
        if self._until is None:
            return Circuit.CLOSED
        return Circuit.HALF_OPEN if self._tried else Circuit.OPEN

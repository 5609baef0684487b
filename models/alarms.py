"""Alarms that hardly ever ring: those that wait equally long share one timer of the loop."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once, at `at` by the loop's clock, unless it is cancelled before."""

    __slots__ = ("_pending", "at", "ring")

    def __init__(self, at: float, ring: Callable[[], object], pending: "dict[Alarm, None]") -> None:
        self.at = at
        self.ring = ring
        self._pending = pending

    def cancel(self) -> None:
        """May be called at any time, and again."""
        self._pending.pop(self, None)


class Alarms:
    """Those that are set for `seconds` from now; on one event loop.

    A request sets several. Each timer of the loop copies a context and goes through a heap, where
    it stays when it is cancelled; here an alarm is a key of a dict, which has them in the order of
    their times, and the loop has one timer for the first of them.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pending: dict[Alarm, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def set(self, ring: Callable[[], object]) -> Alarm:
        """`ring` is called `seconds` from now."""
        loop = asyncio.get_running_loop()
        alarm = Alarm(loop.time() + self._seconds, ring, self._pending)
        self._pending[alarm] = None
        if self._timer is None:
            self._timer = loop.call_at(alarm.at, self._look)
        return alarm

    def __len__(self) -> int:
        """How many are pending."""
        return len(self._pending)

    def _look(self) -> None:
        """Have each that is due rung by the loop, so that none suffers from another's failure."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        due = []
        for alarm in self._pending:
            if alarm.at > now:
                self._timer = loop.call_at(alarm.at, self._look)
                break
            due.append(alarm)
        for alarm in due:
            alarm.cancel()
            loop.call_soon(alarm.ring)

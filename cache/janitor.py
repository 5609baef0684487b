"""The background sweep: refreshes what is in use before it is too old, removes what is not.

And what is above the comfort mark.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

from cache.ports import Clock, Key
from cache.prospects import Sweep
from cache.residency import Residency

_NAP = 1.0
"""Seconds between two looks at what is due next: it may have been loaded in the meantime."""


class Janitor:
    """Sweeps every `interval` seconds, and when a resident's time runs out before that.

    `before` is awaited first in each sweep, to measure what the limits depend on; `after` is told
    what was swept. `refresh` is given each key that is due, must not wait, and sees to it that
    `Residency.refreshed` is called.
    """

    def __init__(
        self,
        residency: Residency[Any],
        clock: Clock,
        interval: float,
        before: Callable[[], Awaitable[object]],
        after: Callable[[Sweep], object],
        refresh: Callable[[Key], object],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._residency = residency
        self._clock = clock
        self._interval = interval
        self._before = before
        self._after = after
        self._refresh = refresh
        self._sleep = sleep

    async def run(self) -> None:
        """Refresh and sweep for ever; ends by cancellation."""
        while True:
            due = self._clock.monotonic() + self._interval
            while (left := self._left(due)) > 0:
                await self._sleep(min(left, self._until_refresh(), _NAP))
            await self.sweep()

    async def sweep(self) -> Sweep:
        await self._before()
        sweep = await self._residency.sweep()
        self._after(sweep)
        return sweep

    def _left(self, due: float) -> float:
        """Seconds until he has to sweep. What is in use is refreshed, even if he comes late."""
        for key in self._residency.begin_refreshes():
            self._refresh(key)
        expiry = self._residency.next_expiry()
        return (due if expiry is None else min(due, expiry)) - self._clock.monotonic()

    def _until_refresh(self) -> float:
        """Seconds; infinite when nothing is in use."""
        at = self._residency.next_refresh()
        return inf if at is None else max(0.0, at - self._clock.monotonic())

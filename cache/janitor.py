"""The background sweep: removes what is expired, and what is above the comfort mark."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from cache.ports import Clock
from cache.residency import Residency, Sweep

_NAP = 1.0
"""Seconds between two looks at what expires next: it may have been loaded in the meantime."""


class Janitor:
    """Sweeps every `interval` seconds, and when a resident's TTL runs out before that.

    `before` is awaited first in each round, to measure what the limits depend on; `after` is
    told what was swept.
    """

    def __init__(
        self,
        residency: Residency[Any],
        clock: Clock,
        interval: float,
        before: Callable[[], Awaitable[object]],
        after: Callable[[Sweep], object],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._residency = residency
        self._clock = clock
        self._interval = interval
        self._before = before
        self._after = after
        self._sleep = sleep

    async def run(self) -> None:
        """Sweep for ever; ends by cancellation."""
        while True:
            due = self._clock.monotonic() + self._interval
            while (left := self._next(due) - self._clock.monotonic()) > 0:
                await self._sleep(min(left, _NAP))
            await self.sweep()

    async def sweep(self) -> Sweep:
        await self._before()
        sweep = await self._residency.sweep()
        self._after(sweep)
        return sweep

    def _next(self, due: float) -> float:
        expiry = self._residency.next_expiry()
        return due if expiry is None else min(due, expiry)

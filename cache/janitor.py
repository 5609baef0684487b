"""The background sweep: removes what is expired, and what is above the comfort mark."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from cache.ports import Clock
from cache.residency import Residency, Sweep


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
            await self._sleep(self._pause())
            await self.sweep()

    async def sweep(self) -> Sweep:
        await self._before()
        sweep = await self._residency.sweep()
        self._after(sweep)
        return sweep

    def _pause(self) -> float:
        expiry = self._residency.next_expiry()
        if expiry is None:
            return self._interval
        return min(self._interval, max(expiry - self._clock.monotonic(), 0.0))

"""What models may use of the memory, followed while others take some of it or give it back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from cache.policy import Limits
from cache.ports import Clock
from models.config import ServingConfig, cores
from models.memory import MemoryMeter, elastic, limits_for

_log = logging.getLogger(__name__)

_LOOK = 1.0
"""Seconds between two looks at what is free."""

_MEASURE = 5.0
"""Seconds after which the runners are measured for it, even if all seems well."""

_NOTABLE = 0.01
"""Part of the limit by which the budget has to change for the runners to be measured at once."""


class Budget:
    """The limits of residency. `limit` is the memory limit, `free` tells what is free, in bytes;
    `devices` is the budget of each device with memory of its own.

    With `enable_auto_scaling` the budget is what is really there: it shrinks when others on the
    machine, or in the same cgroup, take memory, and grows back when they leave.
    """

    def __init__(
        self,
        config: ServingConfig,
        limit: int,
        meter: MemoryMeter,
        free: Callable[[], int],
        clock: Clock,
        devices: Mapping[str, int] | None = None,
    ) -> None:
        self._config = config
        self._limit = limit
        self._meter = meter
        self._free = free
        self._clock = clock
        self._devices = devices or {}
        self._reserve = limit - int(config.max_memory_usage * limit)
        self._scarce: Limits | None = None

    def limits(self) -> Limits:
        """By the last measurement of what the service itself uses, and of what is free."""
        whole = self._whole()
        if self._scarce is None or self._scarce.budget >= whole.budget:
            return whole
        comfort = min(whole.comfort, self._scarce.comfort)
        return replace(whole, budget=self._scarce.budget, comfort=comfort, ceiling=whole.budget)

    async def measure(self) -> None:
        """Find out what the service uses and what is free, as of now."""
        sample = await self._meter.sample(max_age=0.0)
        if self._config.enable_auto_scaling:
            self._scarce = elastic(self._whole(), sample, self._free(), self._reserve)

    async def follow(
        self,
        relieve: Callable[[], object],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Measure as often as it matters, and call `relieve` after it; for ever."""
        while True:
            await sleep(_LOOK)
            if self._is_old() or self._seems_otherwise():
                try:
                    await self.measure()
                except OSError as error:
                    _log.warning("memory was not measured, the budget stays: %s", error)
                relieve()

    def _whole(self) -> Limits:
        limits = limits_for(self._config, self._limit, self._meter.last.own)
        config = self._config
        return replace(
            limits, max_loads=config.max_loads, cores=cores(config), devices=self._devices
        )

    def _is_old(self) -> bool:
        return self._clock.monotonic() - self._meter.last.at >= _MEASURE

    def _seems_otherwise(self) -> bool:
        """A cheap guess, by what the runners held when they were measured last."""
        whole = self._whole()
        guess = elastic(whole, self._meter.last, self._free(), self._reserve).budget
        change = min(guess, whole.budget) - self.limits().budget
        return abs(change) > _NOTABLE * self._limit

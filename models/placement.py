"""Which GPU a model will need memory of, how much, and how much it then has. All in bytes."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass

from cache.ports import HOST
from models.devices import DeviceMemory, DeviceUnreadable

_log = logging.getLogger(__name__)

_CONTEXT = 600_000_000
"""What a process takes of a GPU before its model: CUDA's context (0.3 to 0.5 GB), the kernels."""


def first_estimate(size: int) -> int:
    """For a model of `size` bytes on disk that was never loaded on a GPU: context, weights, and
    half as much again for what a run computes. The first load replaces it by a measurement."""
    return _CONTEXT + size + size // 2


def device_named(wanted: str, precision: str, seen: Collection[str]) -> str:
    """The device a load will probably use, of those `seen` by its runtime; HOST for a CPU.

    The engine decides, in the runner: whether CUDA can be started is known there alone. So this
    may name a GPU that is not used then, never the other way round. What is asked for and cannot
    be had is HOST as well: the load is to fail by the engine's reason, not for want of memory.
    """
    if wanted == "cpu" or precision == "int8":
        return HOST
    device = wanted if ":" in wanted else "cuda:0"
    return device if device in seen else HOST


@dataclass(slots=True)
class DeviceGauge:
    """What the runner `pid` holds of `device`, as last measured; at first what is expected."""

    memory: DeviceMemory
    device: str
    pid: int
    last: int = 0

    async def measure(self) -> int:
        """Measure off the event loop. What the driver does not tell stays as it was."""
        if self.device == HOST:
            return 0
        try:
            used = await asyncio.to_thread(self.memory.used_by, self.device, (self.pid,))
        except (DeviceUnreadable, ValueError) as error:
            _log.warning("the memory of %s was not measured: %s", self.device, error)
        else:
            self.last = used[self.pid] or self.last
        return self.last


def gauge_for(memory: DeviceMemory, device: str, pid: int, expected: int) -> DeviceGauge:
    """For a runner whose engine computes on `device`: "cpu", or one that `memory` may know."""
    if device not in seen(memory):
        return DeviceGauge(memory, HOST, pid)
    return DeviceGauge(memory, device, pid, expected)


def seen(memory: DeviceMemory) -> tuple[str, ...]:
    """The devices there are; none where the driver does not tell."""
    try:
        return memory.devices()
    except DeviceUnreadable as error:
        _log.warning("GPUs are not counted: %s", error)
        return ()

"""Memory of GPUs: what a device has, and what a process holds of it; all figures in bytes."""

import importlib
import logging
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from typing import Any, Protocol

_log = logging.getLogger(__name__)


class DeviceUnreadable(Exception):
    """The driver does not tell: the GPU fell off its bus, say, or the driver was exchanged."""


class DeviceMemory(Protocol):
    """A device is "cuda:0", "cuda:1" and so on; ValueError when there is none of that name."""

    def devices(self) -> tuple[str, ...]: ...

    def total(self, device: str) -> int: ...

    def used_by(self, device: str, pids: Collection[int]) -> dict[int, int]:
        """What each of `pids` holds there; 0 for one of which nothing is known."""
        ...


class NoDevices:
    """A machine without a GPU, or without a driver that tells."""

    def devices(self) -> tuple[str, ...]:
        return ()

    def total(self, device: str) -> int:
        raise ValueError(f"there is no device {device!r}; there are: none")

    def used_by(self, device: str, pids: Collection[int]) -> dict[int, int]:  # noqa: ARG002  # the port's
        raise ValueError(f"there is no device {device!r}; there are: none")


class Nvml:
    """Asks the driver through `pynvml`, the module of PyPI's nvidia-ml-py. To be closed.

    Numbers are the driver's, in the order of the PCI bus. CUDA counts alike when it is told
    CUDA_DEVICE_ORDER=PCI_BUS_ID and CUDA_VISIBLE_DEVICES is not set.

    A process is 0 bytes where the driver lists it without a figure or not at all. Both happen in
    containers, where it may know processes only by their numbers on the host. So 0 means "not
    known" as well, and is no reason to charge a runner less than was expected of it.
    """

    def __init__(self, pynvml: Any) -> None:
        self._pynvml = pynvml
        self._errors = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError)
        with self._translated():
            pynvml.nvmlInit()

    def close(self) -> None:
        """Once, as the driver counts who uses it."""
        with self._translated():
            self._pynvml.nvmlShutdown()

    def devices(self) -> tuple[str, ...]:
        """All that the driver knows of."""
        with self._translated():
            return tuple(f"cuda:{number}" for number in range(self._pynvml.nvmlDeviceGetCount()))

    def total(self, device: str) -> int:
        with self._translated():
            return int(self._pynvml.nvmlDeviceGetMemoryInfo(self._handle(device)).total)

    def used_by(self, device: str, pids: Collection[int]) -> dict[int, int]:
        """A few milliseconds: not for the event loop."""
        used = dict.fromkeys(pids, 0)
        with self._translated():
            processes = self._pynvml.nvmlDeviceGetComputeRunningProcesses(self._handle(device))
        for process in processes:
            if process.pid in used:
                used[process.pid] += process.usedGpuMemory or 0
        return used

    def _handle(self, device: str) -> Any:
        devices = self.devices()
        if device not in devices:
            right = ", ".join(devices) or "none"
            raise ValueError(f"there is no device {device!r}; there are: {right}")
        return self._pynvml.nvmlDeviceGetHandleByIndex(devices.index(device))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise DeviceUnreadable(str(error)) from error


def open_nvml() -> Nvml | None:
    """The driver's own figures; None where module or driver is missing: the debug log says."""
    try:
        return Nvml(importlib.import_module("pynvml"))
    except (ImportError, DeviceUnreadable) as error:
        _log.debug("GPU memory is not measured: %s", error)
        return None


@contextmanager
def device_memory() -> Iterator[DeviceMemory]:
    """What the driver tells, while this is open; of no device where there is no driver."""
    nvml = open_nvml()
    if nvml is None:
        yield NoDevices()
        return
    with closing(nvml):
        yield nvml


def gpus() -> tuple[str, ...]:
    """Those that the driver shows now."""
    with device_memory() as memory:
        return memory.devices()


def device_budgets(memory: DeviceMemory, fraction: float) -> dict[str, int]:
    """The budget of each device: that part of what it has."""
    return {device: int(fraction * memory.total(device)) for device in memory.devices()}

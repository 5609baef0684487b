"""GPU memory as the driver tells it, asked of a driver written by hand."""

import inspect
import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from models.devices import (
    DeviceMemory,
    DeviceUnreadable,
    Nvml,
    device_budgets,
    device_memory,
    gpus,
    open_nvml,
)

GB = 10**9


class DriverError(Exception):
    """Stands for NVMLError."""


class MismatchError(Exception):
    """Stands for NVMLLibraryMismatchError, which is no NVMLError."""


class Driver:
    """A machine with a GPU of 24 GB and one of 80 GB, as the module `pynvml` shows it."""

    def __init__(self) -> None:
        self.opened = 0
        self.totals = [24 * GB, 80 * GB]
        self.processes: dict[int, list[tuple[int, int | None]]] = {0: [], 1: []}
        self.failing: Exception | None = None
        self.module = SimpleNamespace(
            NVMLError=DriverError,
            NVMLLibraryMismatchError=MismatchError,
            nvmlInit=self._open,
            nvmlShutdown=self._close,
            nvmlDeviceGetCount=self._count,
            nvmlDeviceGetHandleByIndex=self._handle,
            nvmlDeviceGetMemoryInfo=self._info,
            nvmlDeviceGetComputeRunningProcesses=self._running,
        )

    def _open(self) -> None:
        self._check()
        self.opened += 1

    def _close(self) -> None:
        self._asked()
        self.opened -= 1

    def _count(self) -> int:
        self._asked()
        return len(self.totals)

    def _handle(self, index: int) -> str:
        self._asked()
        return f"handle {range(len(self.totals))[index]}"

    def _info(self, handle: str) -> Any:
        self._asked()
        return SimpleNamespace(total=self.totals[_index(handle)], free=1, used=2)

    def _running(self, handle: str) -> list[Any]:
        self._asked()
        processes = self.processes[_index(handle)]
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in processes]

    def _asked(self) -> None:
        self._check()
        if not self.opened:
            raise DriverError("Uninitialized")

    def _check(self) -> None:
        if self.failing is not None:
            raise self.failing


def _index(handle: str) -> int:
    return int(handle.removeprefix("handle "))


@pytest.fixture
def driver() -> Driver:
    return Driver()


def test_a_device_s_own_total_is_told(driver: Driver) -> None:
    """Planted fault: always the first device asked."""
    memory: DeviceMemory = Nvml(driver.module)

    assert (memory.total("cuda:0"), memory.total("cuda:1")) == (24 * GB, 80 * GB)


def test_each_asked_process_gets_what_it_holds_on_that_device(driver: Driver) -> None:
    """Planted fault: neighbours that were not asked for told too."""
    driver.processes = {0: [(7, 5 * GB), (8, GB), (99, 9 * GB)], 1: [(7, 2 * GB)]}
    memory = Nvml(driver.module)

    assert memory.used_by("cuda:0", {7, 8}) == {7: 5 * GB, 8: GB}
    assert memory.used_by("cuda:1", {7, 8}) == {7: 2 * GB, 8: 0}


def test_a_process_that_is_listed_twice_holds_the_sum(driver: Driver) -> None:
    """As with several contexts. Planted fault: the last one counted."""
    driver.processes[0] = [(7, 5 * GB), (7, GB)]

    assert Nvml(driver.module).used_by("cuda:0", [7]) == {7: 6 * GB}


def test_a_figure_the_driver_keeps_to_itself_is_nothing(driver: Driver) -> None:
    """In containers. Planted fault: None added to a number."""
    driver.processes[0] = [(7, None), (7, GB), (8, None)]

    assert Nvml(driver.module).used_by("cuda:0", (7, 8)) == {7: GB, 8: 0}


@pytest.mark.parametrize(
    "device", ["cuda:2", "cuda:-1", "cuda:", "cuda", "cpu", "", "cuda:01", "cuda:0\n", "cuda:1.0"]
)
def test_a_device_that_is_not_there_is_told_with_those_that_are(
    driver: Driver, device: str
) -> None:
    """Planted fault: Python's index -1 is the last device."""
    memory = Nvml(driver.module)

    with pytest.raises(ValueError, match=r"there are: cuda:0, cuda:1$"):
        memory.total(device)
    with pytest.raises(ValueError, match=r"there are: cuda:0, cuda:1$"):
        memory.used_by(device, [7])


def test_a_driver_without_a_device_says_so(driver: Driver) -> None:
    driver.totals = []

    with pytest.raises(ValueError, match="'cuda:0'; there are: none"):
        Nvml(driver.module).total("cuda:0")


@pytest.mark.parametrize("error", [DriverError("GPU is lost"), MismatchError("GPU is lost")])
def test_the_driver_s_errors_are_told_in_our_words(driver: Driver, error: Exception) -> None:
    """Planted fault: nobody could catch them without importing the module."""
    memory = Nvml(driver.module)
    driver.failing = error

    with pytest.raises(DeviceUnreadable, match="GPU is lost"):
        memory.total("cuda:0")
    with pytest.raises(DeviceUnreadable, match="GPU is lost"):
        memory.used_by("cuda:0", [7])


def test_what_was_opened_is_closed(driver: Driver) -> None:
    """Planted fault: the driver kept open, and asked after it was closed."""
    memory = Nvml(driver.module)
    assert driver.opened == 1

    memory.close()

    assert driver.opened == 0
    with pytest.raises(DeviceUnreadable, match="Uninitialized"):
        memory.total("cuda:0")


def test_with_module_and_driver_it_opens(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver.module)

    memory = open_nvml()

    assert memory is not None
    assert memory.total("cuda:1") == 80 * GB


@pytest.mark.parametrize("missing", ["module", "driver"])
def test_without_module_or_driver_there_is_none_and_the_log_says_why(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    """Planted fault: the service did not start on a machine without a GPU."""
    caplog.set_level(logging.DEBUG)
    driver.failing = DriverError("NVML Shared Library Not Found")
    module = None if missing == "module" else driver.module
    monkeypatch.setitem(sys.modules, "pynvml", module)

    assert open_nvml() is None

    [record] = caplog.records
    assert record.levelno == logging.DEBUG
    assert ("pynvml" if missing == "module" else "Not Found") in record.getMessage()
    assert driver.opened == 0


def test_the_driver_by_hand_has_the_names_of_the_real_one(driver: Driver) -> None:
    """And its functions take the same arguments."""
    real = pytest.importorskip("pynvml")

    for name, part in vars(driver.module).items():
        if isinstance(part, type):
            assert issubclass(getattr(real, name), Exception)
        else:
            inspect.signature(getattr(real, name)).bind(*inspect.signature(part).parameters)
    assert {"pid", "usedGpuMemory"} <= {name for name, _ in real.c_nvmlProcessInfo_v3_t._fields_}
    assert "total" in {name for name, _ in real.c_nvmlMemory_t._fields_}


def test_each_gpu_of_the_machine_has_a_budget(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted fault: the driver was left open, so `nvmlShutdown` was owed."""
    monkeypatch.setitem(sys.modules, "pynvml", driver.module)

    with device_memory() as memory:
        budgets = device_budgets(memory, 0.75)

    assert budgets == {"cuda:0": 18 * GB, "cuda:1": 60 * GB}
    assert driver.opened == 0


def test_the_gpus_of_the_machine_are_named(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver.module)

    assert gpus() == ("cuda:0", "cuda:1")
    assert driver.opened == 0


def test_without_a_driver_there_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service starts all the same."""
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with device_memory() as memory:
        assert device_budgets(memory, 0.5) == {}
        with pytest.raises(ValueError, match="'cuda:0'; there are: none"):
            memory.total("cuda:0")
        with pytest.raises(ValueError, match="'cuda:0'; there are: none"):
            memory.used_by("cuda:0", [7])
    assert gpus() == ()

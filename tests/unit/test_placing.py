"""Where an engine computes, and what it needs there."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field

import pytest

from cache.ports import HOST
from models.devices import DeviceUnreadable
from models.engines import placing
from models.engines.placing import no_gpu, number, place
from models.errors import ModelLoadFailed
from models.placement import device_named, first_estimate, gauge_for, seen

GB = 10**9


@dataclass
class FakeDevices:
    """Two GPUs; `held` is what processes hold, of either."""

    held: dict[int, int] = field(default_factory=dict)
    failing: bool = False

    def devices(self) -> tuple[str, ...]:
        if self.failing:
            raise DeviceUnreadable("GPU is lost")
        return ("cuda:0", "cuda:1")

    def total(self, device: str) -> int:
        return 24 * GB

    def used_by(self, device: str, pids: Collection[int]) -> dict[int, int]:
        if self.failing:
            raise DeviceUnreadable("GPU is lost")
        return {pid: self.held.get(pid, 0) for pid in pids}


@pytest.mark.parametrize(
    ("asked", "placed"),
    [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu")],
)
def test_where_cuda_can_be_had_it_is_used(asked: str, placed: str) -> None:
    assert place(asked, lambda: None) == placed


def test_where_it_cannot_auto_is_the_cpu_and_all_else_an_error() -> None:
    """Planted fault: the CPU for all of them, which is slow without anybody knowing why."""
    assert place("auto", lambda: "there is none") == "cpu"
    for asked in ("cuda", "cuda:1"):
        with pytest.raises(ModelLoadFailed, match=f'on {asked}, but there is none; .*"cpu"'):
            place(asked, lambda: "there is none")


def test_for_the_cpu_nobody_is_asked_about_gpus() -> None:
    """That takes time, and torch starts CUDA for it."""

    def ask() -> str:
        raise AssertionError

    assert place("cpu", ask) == "cpu"


def test_a_gpu_that_the_driver_does_not_show_is_an_obstacle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(placing, "gpus", lambda: ("cuda:0", "cuda:1"))
    assert (no_gpu("auto"), no_gpu("cuda"), no_gpu("cuda:1")) == (None, None, None)
    assert no_gpu("cuda:2") == "the driver shows only cuda:0, cuda:1 here"

    monkeypatch.setattr(placing, "gpus", lambda: ())
    assert no_gpu("auto") == "the driver shows no GPU here"


def test_a_device_has_a_number() -> None:
    assert [number(device) for device in ("auto", "cuda", "cuda:0", "cuda:12")] == [0, 0, 0, 12]


@pytest.mark.parametrize(
    ("wanted", "precision", "device"),
    [
        ("auto", "fp32", "cuda:0"),
        ("cuda", "int8-weights", "cuda:0"),
        ("cuda:1", "bf16", "cuda:1"),
        ("cpu", "fp32", HOST),
        ("auto", "int8", HOST),
        ("cuda:1", "int8", HOST),
        ("cuda:2", "fp32", HOST),
    ],
)
def test_a_load_is_expected_on_the_gpu_that_it_may_get(
    wanted: str, precision: str, device: str
) -> None:
    assert device_named(wanted, precision, FakeDevices().devices()) == device


def test_without_gpus_nothing_is_expected_of_them() -> None:
    assert device_named("auto", "fp32", ()) == HOST


def test_a_first_estimate_is_more_than_the_weights() -> None:
    assert first_estimate(GB) > 1.5 * GB


async def test_what_a_runner_holds_is_measured_and_remembered() -> None:
    devices = FakeDevices({7: 2 * GB})
    gauge = gauge_for(devices, "cuda:0", 7, expected=3 * GB)
    before = gauge.last

    assert (before, await gauge.measure(), gauge.last) == (3 * GB, 2 * GB, 2 * GB)


async def test_what_the_driver_does_not_tell_is_charged_as_expected(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In containers it may know no process by our number. Planted fault: charged nothing."""
    devices = FakeDevices()
    gauge = gauge_for(devices, "cuda:1", 7, expected=3 * GB)
    assert await gauge.measure() == 3 * GB

    devices.failing = True
    with caplog.at_level(logging.WARNING):
        assert await gauge.measure() == 3 * GB
        assert seen(devices) == ()
    assert caplog.text.count("GPU is lost") == 2


async def test_a_runner_on_the_cpu_holds_nothing_of_a_gpu() -> None:
    """Whatever was expected of it, as where the runtime turned out to have no CUDA."""
    gauge = gauge_for(FakeDevices({7: GB}), "cpu", 7, expected=3 * GB)

    assert (gauge.device, gauge.last, await gauge.measure()) == (HOST, 0, 0)


async def test_measuring_does_not_hold_up_the_loop() -> None:
    """The driver takes milliseconds."""
    loops: list[bool] = []

    class Driver(FakeDevices):
        def used_by(self, device: str, pids: Collection[int]) -> dict[int, int]:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                loops.append(False)
            return super().used_by(device, pids)

    await gauge_for(Driver(), "cuda:0", 7, expected=GB).measure()

    assert loops == [False]

"""What the loader tells the cache of GPUs, and its runners of what they are to do."""

from dataclasses import replace
from typing import Any

import pytest

from cache.ports import HOST
from models.loader import ModelLoader
from models.placement import first_estimate
from tests.aio.test_directory import stored
from tests.houses import house
from tests.unit.test_placing import GB, FakeDevices

KEY = "shipped:v1"


def loader_of(*, cuda: bool = True, **settings: Any) -> ModelLoader:
    """There are two GPUs, and a runtime that has CUDA or not."""
    loader = house(**settings).loader
    loader.devices = FakeDevices()
    loader.runtimes.known["onnx"] = cuda
    return loader


async def test_before_the_first_load_a_gpu_model_is_estimated_by_its_size() -> None:
    """With room to grow, as the machine's own memory. Planted fault: nothing was asked of it."""
    loader = loader_of(device="cuda:1")
    model = await loader._resolve(KEY)

    terms = await loader.terms(KEY)

    assert terms.device == "cuda:1"
    assert terms.device_estimate == int(first_estimate(model.size) * 1.15)


@pytest.mark.parametrize("device", ["cpu", "cuda:7"])
async def test_what_runs_on_no_gpu_needs_no_memory_of_one(device: str) -> None:
    """One that is not there is an error of the load, not want of memory."""
    terms = await loader_of(device=device).terms(KEY)

    assert (terms.device, terms.device_estimate) == (HOST, 0)


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:1"])
async def test_a_runtime_without_cuda_needs_no_memory_of_a_gpu(device: str) -> None:
    """Fault found: the first load of each model reserved some, and evicted others for it."""
    terms = await loader_of(device=device, cuda=False).terms(KEY)

    assert (terms.device, terms.device_estimate) == (HOST, 0)


async def test_without_gpus_no_runtime_is_asked() -> None:
    """It would cost every service a process. Planted fault: asked first."""
    loader = house(device="auto").loader

    await loader.terms(KEY)

    assert loader.runtimes.known == {}


async def test_what_a_load_took_of_a_gpu_is_what_the_next_one_is_expected_to() -> None:
    """Planted fault: the first estimate, for ever."""
    home = house(device="auto")
    loader, devices = home.loader, FakeDevices({0: 3 * GB})
    loader.devices = devices
    live = await loader.load(KEY)
    live = replace(live, gauge=replace(live.gauge, device="cuda:0"))
    loader._gauges["shipped", "v1"] = live.gauge

    await live.measure()

    assert live.device_footprint == 3 * GB
    terms = await loader.terms(KEY)
    assert (terms.device, terms.device_estimate) == ("cuda:0", int(3 * GB * 1.15))


async def test_a_model_that_went_to_the_cpu_is_expected_there() -> None:
    """A GPU was expected, but CUDA could not be started; the fake runner says so."""
    loader = loader_of(device="auto")
    assert (await loader.terms(KEY)).device == "cuda:0"

    live = await loader.load(KEY)

    assert live.device_footprint == 0
    assert (await loader.terms(KEY)).device == HOST


async def test_a_runner_is_told_device_windows_and_what_is_harmless() -> None:
    loader = loader_of(device="cuda:1", max_windows=5)
    model = replace(stored("shipped"), labels=("attack", "benign"))

    order = loader._order(model)

    assert (order.device, order.max_windows, order.harmless) == ("cuda:1", 5, "benign")
    assert loader._order(replace(model, labels=("a", "b"))).harmless is None


async def test_the_first_torch_model_is_reserved_its_fork_server_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is measured as the service's own use only after that."""
    loader = loader_of()
    before = (await loader.terms(KEY)).size_estimate
    monkeypatch.setattr(type(loader.forkserver), "has", lambda self, engine: False)

    assert (await loader.terms(KEY)).size_estimate == before + 320_000_000

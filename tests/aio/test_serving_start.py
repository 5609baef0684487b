"""How the use cases start, when they are ready, and how they end."""

import asyncio

import pytest

from cache.errors import CacheClosed
from tests.fakes import settle, until
from tests.houses import house


async def test_no_request_s_deadline_bounds_a_warm_up_in_the_background() -> None:
    """Fault found: a model that loads longer than a request may last was not warmed up at start."""
    home = house(warmup_requests=1, request_timeout=0.0)
    home.loader.gate.clear()
    async with home.open() as serving:
        warm = home.begin(serving.try_warmup("shipped"))
        await settle()
        home.loader.gate.set()
        await warm

        assert (await serving.describe("shipped")).warmup_completed


async def test_growth_is_measured_once_for_all_texts_of_a_batch() -> None:
    """Fault found: a batch sorted by length measured once for each text."""
    home = house()
    async with home.open() as serving:
        await serving.predict_batch(["x" * length for length in range(1, 20)], "shipped")
        await settle()

        assert home.runner.measured == 1


async def test_a_runner_that_cannot_be_measured_does_not_end_readiness() -> None:
    """Fault found: one failed measurement kept the service from being ready for ever."""
    home = house()
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.measure_error = OSError("too many open files")
        await serving.predict("x", "shipped")
        await settle()

        assert serving.ready
        assert reported == [home.runner.measure_error]


async def test_the_service_is_ready_when_it_has_prepared_and_until_it_shuts_down() -> None:
    home, gate = house(), asyncio.Event()

    async def prepare() -> None:
        await gate.wait()

    await home.serving.start(prepare)
    await settle()
    before = home.serving.ready
    gate.set()
    await settle()
    prepared = home.serving.ready
    home.serving.begin_shutdown()

    assert (before, prepared, home.serving.ready) == (False, True, False)
    await home.serving.aclose()


async def test_preparing_that_fails_is_reported_and_the_service_never_ready() -> None:
    home = house()
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))

    async def prepare() -> None:
        raise OSError("the disk is full")

    await home.serving.start(prepare)
    await settle()

    assert not home.serving.ready
    assert [str(error) for error in reported] == ["the disk is full"]
    await home.serving.aclose()


async def test_a_start_that_fails_prepares_nothing() -> None:
    """Fault found: the coroutine was made before, and never awaited."""
    home = house()
    prepared = asyncio.Event()

    async def prepare() -> None:
        prepared.set()

    async def fail() -> None:
        raise OSError("nothing to measure")

    home.serving._budget.measure = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="nothing to measure"):
        await home.serving.start(prepare)
    await home.serving.aclose()

    assert not prepared.is_set()


async def test_closing_before_anything_has_been_prepared_leaves_nothing_behind() -> None:
    """Fault found: what was to be prepared was cancelled before its first step."""
    home = house()

    await home.serving.start(lambda: home.serving.warmup("shipped"))
    await home.serving.aclose()

    assert home.loader.runners == []


async def test_closing_ends_requests_under_way_and_every_runner() -> None:
    """Those who wait for a load and those who wait for an answer are told that it closes."""
    home = house("other")
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        home.loader.gate.clear()
        reading = home.begin(serving.predict("x", "shipped"))
        loading = home.begin(serving.predict("x", "other"))
        await serving.start_warmup("other")
        await until(lambda: home.runner.read == ["x"])
        await home.loader.begins("other:v1")

        await serving.aclose()
        await settle()

        for request in (reading, loading):
            with pytest.raises(CacheClosed):
                await request
        assert serving._residency.entries() == ()


async def test_what_is_asked_after_the_end_is_refused() -> None:
    home = house()
    async with home.open() as serving:
        await serving.predict("x", "shipped")

    with pytest.raises(CacheClosed):
        await serving.predict("x", "shipped")

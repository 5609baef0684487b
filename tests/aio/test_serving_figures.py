"""The figures that the use cases report, each as `docs/DESIGN.md` defines it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models.errors import InferenceFailed, ModelLoadFailed, RunnerDied
from models.port import Predicted, WarmedUp
from models.views.model import ModelView
from tests.fakes import settle, until
from tests.fakes_serving import EPOCH, POISON, UNREADABLE, House
from tests.houses import house


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """Open, with one model of 100 bytes, which loads in two seconds."""
    home = house(warmup_requests=2)
    async with home.open():
        yield home


async def view(home: House, name: str = "shipped") -> ModelView:
    return await home.serving.describe(name)


async def test_before_the_first_request_there_is_nothing(home: House) -> None:
    """Zero or null, and a rate of 0.0 rather than a division by nothing."""
    model, system = await view(home), await home.serving.system()

    assert (model.cached, model.loaded, model.footprint, model.runner) == (False, False, 0, None)
    assert (model.access_count, model.performance.predictions) == (0, 0)
    assert (model.last_accessed, model.loaded_at, model.load_seconds) == (None, None, None)
    assert (await home.serving.cache()).performance.hit_rate == 0.0
    assert (system.last_cleanup, system.cleanup_count) == (None, 0)


async def test_a_loading_model_is_cached_and_not_loaded(home: House) -> None:
    """And weighs nothing yet."""
    home.loader.gate.clear()
    load = home.begin(home.serving.load("shipped"))
    await home.loader.begins("shipped:v1")

    loading = await view(home)
    home.loader.gate.set()
    await load
    loaded = await view(home)

    assert (loading.cached, loading.loaded, loading.footprint) == (True, False, 0)
    assert (loaded.cached, loaded.loaded, loaded.footprint) == (True, True, 100)


async def test_a_model_that_drains_still_weighs_what_its_runner_holds(home: House) -> None:
    """Fault found: its memory was shown as free before it was."""
    await home.serving.load("shipped")
    home.runner.gate.clear()
    answer = home.begin(home.serving.predict("x", "shipped"))
    await until(lambda: home.runner.read == ["x"])
    unload = home.begin(home.serving.unload("shipped"))
    await settle()

    draining = await view(home)
    used = (await home.serving.cache()).memory.used
    home.runner.gate.set()
    await asyncio.gather(answer, unload)

    assert (draining.cached, draining.loaded, draining.footprint, used) == (True, False, 100, 100)
    assert (await view(home)).footprint == 0


async def test_asked_counts_what_comes_and_answered_what_is_answered(home: House) -> None:
    """Fault planted: a failed prediction counted as answered."""
    await home.serving.predict_batch(["x", "y"], "shipped")
    with pytest.raises(InferenceFailed):
        await home.serving.predict(UNREADABLE, "shipped")

    model = await view(home)

    assert (model.access_count, model.performance.predictions) == (3, 2)


async def test_a_failed_load_counts_as_neither_hit_nor_miss(home: House) -> None:
    """Hits and misses together are what was answered."""
    home.loader.error = ModelLoadFailed("damaged")
    with pytest.raises(ModelLoadFailed):
        await home.serving.predict("x", "shipped")

    figures = (await view(home)).performance

    assert (figures.hits, figures.misses, figures.loads) == (0, 0, 0)
    assert (await view(home)).access_count == 1


async def test_everybody_who_waits_for_a_load_misses_and_it_is_one_load(home: House) -> None:
    """Fault planted: those who joined a load counted as hits."""
    await home.directory.refresh()
    home.loader.gate.clear()
    cold = [home.begin(home.serving.predict("x", "shipped")) for _ in range(3)]
    await until(lambda: home.serving._residency.waiting == 3)
    home.loader.gate.set()
    answers = await asyncio.gather(*cold)
    warm = await home.serving.predict("x", "shipped")

    figures = (await view(home)).performance

    assert [answer.cache_hit for answer in answers] == [False] * 3
    assert warm.cache_hit
    assert (figures.hits, figures.misses, figures.hit_rate) == (1, 3, 0.25)
    assert (figures.loads, figures.load_seconds) == (1, 2.0)


async def test_a_text_that_is_asked_again_on_a_fresh_runner_has_missed(home: House) -> None:
    """Its answer waited for a load, though its first runner was there. So in a batch.

    Fault found: in a batch, the others' load made it a hit.
    """
    await home.serving.load("shipped")
    first = home.runner
    first.gate.clear()
    batch = home.begin(home.serving.predict_batch(["w", "x", "y", "z"], "shipped"))
    await until(lambda: len(first.read) == 3)

    await first.close()

    assert [answer.cache_hit for answer in await batch] == [False] * 4


async def test_load_seconds_add_up_and_the_last_is_shown(home: House) -> None:
    """They outlive the model's residency."""
    await home.serving.load("shipped")
    await home.serving.unload("shipped")
    home.loader.seconds = 3.0
    report = await home.serving.load("shipped")

    model = await view(home)

    assert (model.performance.loads, model.performance.load_seconds) == (2, 5.0)
    assert model.load_seconds == report.seconds == 3.0


async def test_an_average_inference_is_time_in_the_runner(home: House) -> None:
    """Without the load."""
    await home.serving.predict_batch(["x", "y"], "shipped")

    assert (await view(home)).performance.average_inference_seconds == 0.5


async def test_times_are_those_of_the_request_and_of_the_load(home: House) -> None:
    """`last_accessed` is when it was asked, `loaded_at` when the load was over."""
    asked = home.clock.utc(home.clock.monotonic())
    await home.serving.predict("x", "shipped")
    home.clock.advance(60)

    model = await view(home)

    assert model.last_accessed == asked
    assert model.loaded_at == asked + timedelta(seconds=2)


async def test_a_warm_up_lasts_as_long_as_the_runner(home: House) -> None:
    """Fault planted: `warmup_completed` stayed when the model was unloaded."""
    await home.serving.warmup("shipped")
    warm = await view(home)
    await home.serving.unload("shipped")
    gone = await view(home)
    await home.serving.load("shipped")

    assert (warm.warmup_completed, gone.warmup_completed) == (True, False)
    assert not (await view(home)).warmup_completed


async def test_a_warm_up_is_no_prediction(home: House) -> None:
    """It counts nowhere but as a warm-up and a load."""
    await home.serving.warmup("shipped")

    model = await view(home)

    assert (model.access_count, model.performance.predictions, model.performance.loads) == (0, 0, 1)
    assert [type(e) for e in home.audience.events if isinstance(e, Predicted | WarmedUp)] == [
        WarmedUp
    ]


async def test_restarts_count_runners_that_died_and_no_unloads(home: House) -> None:
    """Fault planted: every removal counted."""
    await home.serving.load("shipped")
    await home.serving.unload("shipped")
    with pytest.raises(RunnerDied):
        await home.serving.predict(POISON, "shipped")
    await home.serving.load("shipped")

    runner = (await view(home)).runner

    assert runner is not None
    assert (runner.restarts, runner.footprint, runner.started_at) == (2, 100, EPOCH)


async def test_all_models_together_include_those_that_are_no_longer_listed() -> None:
    """Fault found: what a fixed version had answered was forgotten with its unloading."""
    home = house("mine:old", "mine:new")
    async with home.open() as serving:
        await serving.predict("x", "mine:old")
        await serving.predict("x", "mine")
        await serving.unload("mine:old")

        cache = await serving.cache()

    assert "mine:old" not in [model.name for model in cache.models]
    assert (cache.performance.predictions, cache.performance.loads) == (2, 2)


async def test_memory_is_the_sum_of_footprints_against_the_limit() -> None:
    home = house("other")
    async with home.open() as serving:
        await serving.load("shipped")
        await serving.load("other")

        memory = (await serving.cache()).memory

    assert (memory.used, memory.limit, memory.fraction, memory.threshold) == (200, 1000, 0.2, 0.8)


async def test_a_clean_up_with_nothing_to_do_says_so(home: House) -> None:
    """It counts as a clean-up all the same."""
    await home.serving.load("shipped")

    report = await home.serving.cleanup()
    system = await home.serving.system()

    assert (report.reason, report.unloaded, report.freed) == ("nothing_to_do", (), 0)
    assert (report.before, report.after) == (100, 100)
    assert (system.cleanup_count, system.cleanup_freed) == (1, 0)
    assert system.last_cleanup == home.clock.utc(home.clock.monotonic())


async def test_a_clean_up_removes_what_is_expired(home: House) -> None:
    await home.serving.load("shipped")
    home.clock.advance(home.config.cache_ttl + 1)

    report = await home.serving.cleanup()

    assert (report.reason, report.unloaded, report.freed) == ("expired", ("shipped",), 100)
    assert (report.before, report.after) == (100, 0)
    assert (await home.serving.system()).cleanup_freed == 100


async def test_a_clean_up_evicts_what_is_above_the_comfort_mark() -> None:
    """Two models of 115 bytes with headroom, where 150 are comfortable: the older one goes."""
    home = house("other", memory_threshold=0.15)
    async with home.open() as serving:
        await serving.load("shipped")
        await serving.load("other")

        report = await serving.cleanup()

    assert report.reason == "memory_threshold_exceeded"
    assert report.unloaded == ("shipped",)

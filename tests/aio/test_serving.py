"""The use cases, over fake runners: names, deaths, deadlines, the end."""

import asyncio
from dataclasses import replace

import pytest

from cache.errors import CacheClosed, InsufficientRoom
from models.errors import (
    DeadlineExceeded,
    InferenceFailed,
    ModelNotFound,
    ModelNotRegistered,
    RunnerDied,
)
from tests.aio.test_directory import stored
from tests.fakes import settle, until
from tests.fakes_serving import HANGING, POISON, UNREADABLE
from tests.houses import house


async def test_a_prediction_says_what_was_asked_who_answered_and_how_likely_it_is() -> None:
    """The label is the most likely one, and time spent on the load is part of the time."""
    home = house()
    async with home.open() as serving:
        answer = await serving.predict("bad", "shipped")

    assert (answer.text, answer.label, answer.confidence) == ("bad", "b", 0.75)
    assert answer.probabilities == {"a": 0.25, "b": 0.75}
    assert (answer.model_used, answer.processing_seconds) == ("shipped", 2.0)


async def test_the_latest_version_is_the_name_itself() -> None:
    """One resident, and one set of figures, for both spellings."""
    home = house()
    async with home.open() as serving:
        await serving.predict("x", "shipped")
        answer = await serving.predict("x", "shipped:latest")

        assert (answer.model_used, answer.cache_hit) == ("shipped", True)


async def test_a_fixed_version_is_answered_by_that_version() -> None:
    """Beside the newest, which the bare name means."""
    home = house("mine:old", "mine:new")
    async with home.open() as serving:
        fixed = await serving.predict("x", "mine:old")
        newest = await serving.describe((await serving.predict("x", "mine")).model_used)

        assert fixed.model_used == "mine:old"
        assert newest.version == "new"
        assert (await serving.describe("mine:old")).version == "old"


@pytest.mark.parametrize("name", ["../x", "nobody", "shipped:v9", "", "a" * 200])
async def test_what_nobody_knows_is_not_found_by_any_use_case(name: str) -> None:
    """And leaves no trace: whoever asks for random names fills no memory."""
    home = house()
    async with home.open() as serving:
        before = len(serving._figures.usage)
        for use_case in (
            serving.predict("x", name),
            serving.predict_batch(["x"], name),
            serving.load(name),
            serving.unload(name),
            serving.warmup(name),
            serving.start_warmup(name),
            serving.describe(name),
        ):
            with pytest.raises(ModelNotFound):
                await use_case

        assert len(serving._figures.usage) == before


async def test_the_embedded_model_answers_while_the_default_is_not_registered() -> None:
    """And the default as soon as it is, without a restart."""
    home = house()
    async with home.open() as serving:
        before = await serving.predict("x")
        home.store.models.append(replace(stored("listed"), footprint=100))
        await home.directory.refresh()

        assert before.model_used == "shipped"
        assert (await serving.predict("x")).model_used == "listed"


async def test_the_first_request_of_all_knows_whether_the_default_is_registered() -> None:
    """Fault found: before the first listing, the embedded model answered in its place."""
    home = house("listed")
    async with home.open() as serving:
        assert (await serving.predict("x")).model_used == "listed"


async def test_a_named_model_is_never_replaced_by_another() -> None:
    home = house()
    async with home.open() as serving:
        with pytest.raises(ModelNotRegistered, match="scripts/register listed"):
            await serving.predict("x", "listed")


async def test_a_text_that_the_engine_cannot_read_fails_alone() -> None:
    home = house()
    async with home.open() as serving:
        with pytest.raises(InferenceFailed):
            await serving.predict(UNREADABLE, "shipped")

        assert (await serving.predict("x", "shipped")).cache_hit


async def test_a_hung_inference_ends_its_runner_and_its_neighbour_is_asked_again() -> None:
    """The one who hung is told so; the neighbour never learns of it."""
    home = house()
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        hung = home.begin(serving.predict(HANGING, "shipped"))
        neighbour = home.begin(serving.predict("beside", "shipped"))
        first = home.runner
        await until(lambda: len(first.read) == 2)

        first.gate.set()

        with pytest.raises(DeadlineExceeded, match="runner was ended"):
            await hung
        assert (await neighbour).label == "b"
        assert len(home.loader.runners) == 2


async def test_a_text_that_kills_runners_fails_and_the_next_is_answered() -> None:
    home = house()
    async with home.open() as serving:
        with pytest.raises(RunnerDied):
            await serving.predict(POISON, "shipped")

        assert (await serving.predict("x", "shipped")).label == "a"


async def test_a_deadline_ends_the_wait_and_not_the_load() -> None:
    """The request goes away; whoever asks next finds the model loading, or there."""
    home = house(request_timeout=0.0)
    home.loader.gate.clear()
    async with home.open() as serving:
        with pytest.raises(DeadlineExceeded):
            await serving.predict("x", "shipped")
        await settle()
        home.loader.gate.set()
        await settle()

        assert home.loader.orders in ([], ["shipped:v1"])
        entry = serving._residency.entry("shipped:v1")
        assert entry is None or entry.leases == 0


async def test_a_request_that_waits_for_a_core_gives_its_lease_back_when_time_is_up() -> None:
    """Two cores, two texts that are being read: the third waits, and its time runs out."""
    home = house(request_timeout=0.05)
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        texts = [home.begin(serving.predict(text, "shipped")) for text in ("x", "y", "z")]

        done, _ = await asyncio.wait(texts)
        home.runner.gate.set()
        await settle()

        assert {type(task.exception()) for task in done} == {DeadlineExceeded}
        assert len(home.runner.read) == 2
        entry = serving._residency.entry("shipped:v1")
        assert entry is not None
        assert entry.leases == 0


async def test_what_the_old_version_weighed_does_not_keep_the_new_one_out() -> None:
    """Fault found: what was measured of the name was expected of every version, for ever."""
    home = house("mine:old")
    home.loader.weights["old"] = 900
    async with home.open() as serving:
        await serving.load("mine")
        await serving.unload("mine")
        with pytest.raises(InsufficientRoom):
            await serving.load("mine")
        home.store.models.append(replace(stored("mine", "new", minute=9), footprint=100))
        await home.directory.refresh()

        assert (await serving.load("mine")).footprint == 100


async def test_what_has_been_deleted_from_the_store_can_still_be_seen_and_unloaded() -> None:
    """Fault found: `describe` did not find what the list showed as loaded."""
    home = house("mine")
    async with home.open() as serving:
        await serving.load("mine")
        home.store.models.clear()
        await home.directory.refresh()

        view = await serving.describe("mine")
        assert (view.loaded, view.version) == (True, "v1")
        assert (await serving.unload("mine")).freed == 100
        with pytest.raises(ModelNotFound):
            await serving.describe("mine")


async def test_unloading_waits_for_the_answer_that_is_being_made() -> None:
    home = house()
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        answer = home.begin(serving.predict("x", "shipped"))
        await until(lambda: home.runner.read == ["x"])
        unload = home.begin(serving.unload("shipped"))
        await settle()

        assert not unload.done()
        home.runner.gate.set()
        assert (await answer).label == "a"
        assert (await unload).freed == 100


async def test_warming_up_asks_the_texts_that_the_catalogue_gives() -> None:
    """In turn, as often as the setting says."""
    home = house(warmup_requests=3)
    async with home.open() as serving:
        report = await serving.warmup("shipped")

    assert home.runner.read == ["one", "two", "one"]
    assert (report.name, report.requests) == ("shipped", 3)


async def test_a_fixed_version_is_warmed_up_with_the_same_texts() -> None:
    """Fault found: the catalogue was asked for "shipped:v1", which it does not know."""
    home = house(warmup_requests=1)
    async with home.open() as serving:
        await serving.warmup("shipped:v1")

    assert home.runner.read == ["one"]


async def test_a_warm_up_in_the_background_is_made_once_however_often_it_is_asked_for() -> None:
    """Fault found: each request began another one."""
    home = house(warmup_requests=1)
    home.loader.gate.clear()
    async with home.open() as serving:
        assert [await serving.start_warmup("shipped") for _ in range(5)] == [1] * 5
        home.loader.gate.set()
        await until(lambda: bool(home.loader.runners) and bool(home.runner.read))
        await settle()

        assert home.runner.read == ["one"]
        await serving.start_warmup("shipped")
        await settle()
        assert home.runner.read == ["one", "one"]


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
        await until(lambda: home.runner.read == ["x"] and "other:v1" in home.loader.orders)

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

"""The use cases, over fake runners: names, deaths, deadlines, the end."""

import asyncio
from dataclasses import replace

import pytest

from cache.errors import InsufficientRoom
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


@pytest.mark.parametrize("name", ["../x", "nobody", "shipped:v9", "", "a" * 200])
async def test_what_nobody_knows_is_not_found_by_any_use_case(name: str) -> None:
    """And leaves no trace: whoever asks for random names fills no memory."""
    home = house()
    async with home.open() as serving:
        before = len(serving._overview._figures.usage)
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

        assert len(serving._overview._figures.usage) == before


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
    """Two texts that are being read, and one behind them: the next waits, and its time runs out."""
    home = house(request_timeout=0.05)
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        texts = [home.begin(serving.predict(text, "shipped")) for text in "wxyz"]

        done, _ = await asyncio.wait(texts)
        home.runner.gate.set()
        await settle()

        assert {type(task.exception()) for task in done} == {DeadlineExceeded}
        assert len(home.runner.read) == 3
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

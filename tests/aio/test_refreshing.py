"""Models are refreshed before their TTL runs out, and nobody who asks meanwhile notices."""

import asyncio
from math import nan

import pytest

from cache.events import Cause, Refreshed
from models.errors import LoadOutOfMemory, ModelLoadFailed
from models.port import RefreshFailed
from models.warming import SAMPLES
from tests.fakes import settle, until
from tests.houses import (
    TTL,
    asked_without_pause,
    attempts,
    begin_refresh,
    begin_refreshes,
    brief,
    delete,
    refresh,
    register,
    removals,
    states,
    use,
)


async def test_a_newer_version_takes_the_place_of_the_one_in_memory() -> None:
    """Loaded beside it and tried out first; then the old one leaves."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")

        await refresh(home)
        await settle()

        assert states(home) == {"mine:v2": "resident"}
        assert removals(home) == [("mine:v1", Cause.REPLACED)]
        assert home.runner.read == list(SAMPLES)
        assert (await serving.predict("x", "mine")).cache_hit
        assert (await serving.describe("mine")).version == "v2"


async def test_the_new_version_has_what_the_old_one_has_earned() -> None:
    """Planted fault: it began as one that was asked for once, and was the first to go."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await serving.predict("x", "mine", keep_alive=900.0)
        before = home.serving._residency.entry("mine:v1")
        await register(home, "mine:v2")

        await refresh(home)
        await settle()
        after = home.serving._residency.entry("mine:v2")

    assert before is not None
    assert after is not None
    assert before.frequency > 2
    assert (after.frequency, after.keep_alive) == (before.frequency, 900.0)


async def test_nobody_who_asks_during_a_refresh_fails_or_waits_for_a_load() -> None:
    """One asks after the other, all the time, single texts and batches, through the switch.

    Fault found: a batch that came in the moment of the switch loaded the old version again.
    """
    home = brief("mine:v1")
    async with home.open():
        await use(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        async with asked_without_pause(home) as answers:
            await begin_refresh(home)
            await settle()
            gate.set()
            await attempts(home)
            await settle()

    assert len(answers) > 50
    assert all(answer.cache_hit for answer in answers)
    assert home.loader.orders == ["mine:v1", "mine:v2"]


@pytest.mark.parametrize("step", range(40))
async def test_a_batch_at_any_moment_of_a_switch_is_answered_without_a_load(step: int) -> None:
    """Fault found: between its arrival and its lease the version it meant could be retired."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        await begin_refresh(home)
        for _ in range(step):
            await asyncio.sleep(0)

        answers = await serving.predict_batch(["y", "z"], "mine")
        await attempts(home)

    assert all(answer.cache_hit for answer in answers)
    assert home.loader.orders == ["mine:v1", "mine:v2"]


async def test_what_the_old_version_reads_at_the_switch_it_answers() -> None:
    """It leaves when the last of its requests has its answer."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        old = home.runner
        old.gate.clear()
        reading = home.begin(serving.predict("bad", "mine"))
        await until(lambda: old.read[-1] == "bad")

        await refresh(home)
        during = states(home)
        old.gate.set()

        assert (await reading).label == "b"
        assert during == {"mine:v1": "draining", "mine:v2": "resident"}


@pytest.mark.parametrize(
    "answers", [(nan, nan), (1.0, 1.0), (1.5, -0.5), ()], ids=["NaN", "2", "negative", "none"]
)
async def test_a_new_version_that_answers_nonsense_is_removed_and_the_old_one_serves(
    answers: tuple[float, ...],
) -> None:
    """Planted faults: the sum alone looked at; the switch made before the trial."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        home.loader.answers["v2"] = answers

        await refresh(home)
        await settle()

        assert states(home) == {"mine:v1": "resident"}
        assert removals(home) == [("mine:v2", Cause.FAILED)]
        [told] = home.audience.told(RefreshFailed)
        assert (told.model, "no probabilities" in told.error) == ("mine:v1", True)
        assert (await serving.predict("x", "mine")).cache_hit
        assert home.audience.told(Refreshed) == []


async def test_a_new_version_whose_runner_dies_of_the_trial_is_removed() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        await begin_refresh(home)
        await until(lambda: len(home.loader.runners) == 2)
        await home.runner.close()
        await attempts(home)
        await settle()

        assert states(home) == {"mine:v1": "resident"}
        assert [told.model for told in home.audience.told(RefreshFailed)] == ["mine:v1"]
        assert (await serving.predict("x", "mine")).cache_hit


@pytest.mark.parametrize(
    "error", [ModelLoadFailed("damaged"), LoadOutOfMemory("full"), OSError("no descriptor")]
)
async def test_a_new_version_that_cannot_be_loaded_leaves_the_old_one_and_is_told(
    error: Exception,
) -> None:
    """And the TTL of the old one begins again, so that the next try is not at once.

    Fault found: where memory ran out, the cache evicted the old one, and all others, for it.
    """
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        home.loader.errors["mine:v2"] = error

        await refresh(home)

        assert states(home) == {"mine:v1": "resident"}
        assert len(home.audience.told(RefreshFailed)) == 1
        begin_refreshes(home)
        home.clock.advance(0.5 * TTL)
        assert (await serving.cleanup()).reason == "nothing_to_do"


async def test_without_room_for_two_the_old_one_stays_for_longer() -> None:
    """Nobody is evicted for a refresh, and it is told. Fault planted: it waited for the room."""
    home = brief("mine:v1", "other", limit=330)
    async with home.open() as serving:
        await serving.load("other")
        await use(home)
        await register(home, "mine:v2")

        await refresh(home)

        assert states(home) == {"other:v1": "resident", "mine:v1": "resident"}
        assert removals(home) == []
        [told] = home.audience.told(RefreshFailed)
        assert "no room to spare" in told.error
        home.clock.advance(0.5 * TTL)
        await serving.cleanup()
        assert states(home) == {"mine:v1": "resident"}


async def test_a_warm_model_is_warm_in_its_new_version() -> None:
    home = brief("mine:v1", warmup_requests=1)
    async with home.open() as serving:
        await serving.warmup("mine")
        await use(home)
        await register(home, "mine:v2")
        await refresh(home)
        await settle()

        assert (await serving.describe("mine")).warmup_completed


async def test_a_version_that_was_withdrawn_gives_way_to_the_newest_that_is_left() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open():
        await use(home)
        await delete(home, "mine:v2")
        await refresh(home, "mine:v2")
        await settle()

        assert states(home) == {"mine:v1": "resident"}
        assert removals(home) == [("mine:v2", Cause.REPLACED)]

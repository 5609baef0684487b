"""Models are refreshed before their TTL runs out, and nobody who asks meanwhile notices."""

import asyncio
from math import inf, nan
from typing import Any

import pytest

from cache.events import Cause, Refreshed, Removed
from models.catalogue import Catalogue
from models.errors import LoadOutOfMemory, ModelLoadFailed
from models.port import RefreshFailed
from tests.fakes import settle, until
from tests.fakes_serving import House
from tests.houses import (
    PINNED,
    SHIPPED,
    attempts,
    begin_refresh,
    begin_refreshes,
    come_due,
    delete,
    house,
    model,
    refresh,
    register,
    states,
)

TTL = 100.0


def home_of(*models: str, **settings: Any) -> House:
    return house(*models, cache_ttl=TTL, **{"churn_guard": 0.0, **settings})


def removals(home: House) -> list[tuple[str, Cause]]:
    return [(event.key, event.cause) for event in home.audience.told(Removed)]


async def used(home: House, name: str = "mine") -> None:
    """In memory, and asked for since it was loaded."""
    for _ in range(2):
        await home.serving.predict("x", name)


async def test_a_newer_version_takes_the_place_of_the_one_in_memory() -> None:
    """Loaded beside it and tried out first; then the old one leaves."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await register(home, "mine:v2")

        await refresh(home)
        await settle()

        assert states(home) == {"mine:v2": "resident"}
        assert removals(home) == [("mine:v1", Cause.REPLACED)]
        assert len(home.runner.read) == 4
        assert (await serving.predict("x", "mine")).cache_hit
        assert (await serving.describe("mine")).version == "v2"


async def test_nobody_who_asks_during_a_refresh_fails_or_waits_for_a_load() -> None:
    """One asks after the other, all the time, single texts and batches, through the switch.

    Fault found: a batch that came in the moment of the switch loaded the old version again.
    """
    home = home_of("mine:v1")
    over, answers = asyncio.Event(), []

    async def ask() -> None:
        while not over.is_set():
            answers.append(await home.serving.predict("x", "mine"))
            answers.extend(await home.serving.predict_batch(["y", "z"], "mine"))

    async with home.open():
        await used(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        callers = [home.begin(ask()) for _ in range(7)]
        await begin_refresh(home)
        await settle()
        gate.set()
        await attempts(home)
        await settle()
        over.set()
        await asyncio.gather(*callers)

    assert len(answers) > 50
    assert all(answer.cache_hit for answer in answers)
    assert home.loader.orders == ["mine:v1", "mine:v2"]


@pytest.mark.parametrize("step", range(40))
async def test_a_batch_at_any_moment_of_a_switch_is_answered_without_a_load(step: int) -> None:
    """Fault found: between its arrival and its lease the version it meant could be retired."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
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
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
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
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
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
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
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
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
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
    home = home_of("mine:v1", "other", limit=330)
    async with home.open() as serving:
        await serving.load("other")
        await used(home)
        await register(home, "mine:v2")

        await refresh(home)

        assert states(home) == {"other:v1": "resident", "mine:v1": "resident"}
        assert removals(home) == []
        [told] = home.audience.told(RefreshFailed)
        assert "no room to spare" in told.error
        home.clock.advance(0.5 * TTL)
        await serving.cleanup()
        assert states(home) == {"mine:v1": "resident"}


async def test_the_newest_version_itself_is_tried_out_and_stays_for_longer() -> None:
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)

        await refresh(home)

        assert [event.key for event in home.audience.told(Refreshed)] == ["mine:v1"]
        view = await serving.describe("mine")
        assert view.lifetime is not None
        assert view.lifetime.refreshed_at == home.clock.utc(home.clock.monotonic())
        assert (view.access_count, view.performance.predictions) == (2, 2)
        assert home.loader.orders == ["mine:v1"]


async def test_one_that_fails_its_own_trial_is_removed_and_loaded_anew_when_asked_for() -> None:
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        home.runner.answers = (nan, 1.0)

        await refresh(home)
        await settle()

        assert states(home) == {}
        assert len(home.audience.told(RefreshFailed)) == 1
        assert (await serving.predict("x", "mine")).label == "a"


async def test_a_model_that_nobody_has_asked_for_expires() -> None:
    """It is not refreshed: that would keep everything for ever. A refresh is no use either."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await refresh(home)
        home.clock.advance(0.95 * TTL)
        begin_refreshes(home)
        home.clock.advance(0.1 * TTL)

        assert (await serving.cleanup()).unloaded == ("mine",)


async def test_a_pinned_model_and_one_kept_for_ever_are_refreshed_and_never_expire() -> None:
    catalogue = Catalogue({"pinned": PINNED, "shipped": SHIPPED})
    home = house("pinned", "mine:v1", cache_ttl=TTL, catalogue=catalogue)
    async with home.open() as serving:
        await serving.load("pinned")
        await serving.load("mine", keep_alive=inf)
        for _ in range(2):
            home.clock.advance(0.95 * TTL)
            begin_refreshes(home, "pinned:v1", "mine:v1")
            await attempts(home)
            home.clock.advance(0.1 * TTL)
            await serving.cleanup()

        assert states(home) == {"pinned:v1": "resident", "mine:v1": "resident"}


async def test_a_kept_model_is_kept_in_its_new_version_too() -> None:
    home = home_of("mine:v1")
    async with home.open() as serving:
        await serving.load("mine", keep_alive=inf)
        await register(home, "mine:v2")
        await refresh(home)
        home.clock.advance(10 * TTL)
        await serving.cleanup()

        assert states(home) == {"mine:v2": "resident"}


async def test_a_refresh_that_is_under_way_is_not_begun_again() -> None:
    """Nor does the model expire meanwhile."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await until(lambda: "mine:v2" in home.loader.orders)
        home.clock.advance(TTL)

        begin_refreshes(home)
        await serving.cleanup()
        assert states(home) == {"mine:v1": "resident", "mine:v2": "loading"}
        gate.set()
        await attempts(home)


async def test_a_version_that_is_deleted_while_it_loads_takes_its_place_all_the_same() -> None:
    """It is in memory and sound. One that is gone before the load begins is not missed."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await until(lambda: "mine:v2" in home.loader.orders)
        await delete(home, "mine:v2")
        gate.set()
        await attempts(home)
        await settle()

        assert states(home) == {"mine:v2": "resident"}
        assert (await serving.predict("x", "mine")).cache_hit


async def test_a_model_of_which_no_version_is_left_stays_and_it_is_told() -> None:
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await delete(home, "mine:v1")

        await refresh(home)

        assert states(home) == {"mine:v1": "resident"}
        assert [told.model for told in home.audience.told(RefreshFailed)] == ["mine:v1"]
        assert (await serving.describe("mine")).loaded


async def test_a_refresh_sees_what_was_registered_since_anybody_has_asked() -> None:
    """Fault found: a pinned model that nobody asks for went by a listing as old as its TTL."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await serving.load("mine", keep_alive=inf)
        await come_due(home)
        home.clock.advance(2)
        home.store.models.append(model("mine:v2", minute=9))

        begin_refreshes(home, "mine:v1")
        await attempts(home)
        await settle()

        assert states(home) == {"mine:v2": "resident"}


async def test_a_model_that_is_unloaded_before_its_refresh_begins_is_not_loaded_by_it() -> None:
    """Fault found: the refresh asked for a lease, which loaded it again."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await come_due(home)
        home.clock.advance(2)
        begin_refreshes(home, "mine:v1")
        await serving.unload("mine")
        await attempts(home)

        assert states(home) == {}
        assert home.loader.orders == ["mine:v1"]


async def test_a_model_that_is_unloaded_while_its_next_version_loads_stays_away() -> None:
    """Fault found: the next version was in memory a moment after the unloading."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await until(lambda: "mine:v2" in home.loader.orders)
        await serving.unload("mine")
        gate.set()
        await attempts(home)
        await settle()

        assert states(home) == {}


async def test_the_next_version_stays_where_it_was_asked_for_when_the_old_one_had_gone() -> None:
    """The old runner died during the refresh, so those who asked joined the load."""
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await until(lambda: "mine:v2" in home.loader.orders)
        await home.loader.runners[0].close()
        await until(lambda: "mine:v1" not in states(home))
        joined = home.begin(serving.predict("x", "mine"))
        await settle()
        gate.set()

        assert (await joined).label == "a"
        await attempts(home)
        assert states(home) == {"mine:v2": "resident"}


async def test_a_fixed_version_that_is_not_the_name_s_is_refreshed_as_itself() -> None:
    home = home_of("mine:v1", "mine:v2")
    async with home.open():
        await used(home, "mine:v1")
        await used(home, "mine")

        home.clock.advance(0.95 * TTL)
        begin_refreshes(home, "mine:v1", "mine:v2")
        await attempts(home)

    assert sorted(event.key for event in home.audience.told(Refreshed)) == ["mine:v1", "mine:v2"]


async def test_a_warm_model_is_warm_in_its_new_version() -> None:
    home = home_of("mine:v1", warmup_requests=1)
    async with home.open() as serving:
        await serving.warmup("mine")
        await used(home)
        await register(home, "mine:v2")
        await refresh(home)
        await settle()

        assert (await serving.describe("mine")).warmup_completed


async def test_closing_ends_a_refresh() -> None:
    home = home_of("mine:v1")
    async with home.open() as serving:
        await used(home)
        await register(home, "mine:v2")
        home.loader.hold("mine:v2")
        await begin_refresh(home)
        await until(lambda: "mine:v2" in home.loader.orders)

        await serving.aclose()

        assert states(home) == {}
        assert len(home.loader.runners) == 1

"""A newer version takes the place of the one in memory at once, where no champion is set."""

from math import nan

import pytest

from cache.events import Cause
from models.errors import ModelLoadFailed
from models.port import RefreshFailed
from models.warming import SAMPLES
from tests.fakes import settle, until
from tests.fakes_serving import House
from tests.houses import (
    asked_without_pause,
    attempts,
    brief,
    champion,
    delete,
    model,
    refresh,
    register,
    removals,
    states,
    use,
)


async def notice(home: House, name: str) -> None:
    """Let it be registered, noticed, and tried."""
    await register(home, name, noticed=True)
    await attempts(home)
    await settle()


async def test_a_newer_version_is_loaded_beside_tried_and_put_in_its_place_at_once() -> None:
    """Planted fault: it was left to the next refresh."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await notice(home, "mine:v2")
        answer = await serving.predict("x", "mine")

        assert (answer.version, answer.cache_hit) == ("v2", True)
        assert home.runner.read == [*SAMPLES, "x"]
        assert removals(home) == [("mine:v1", Cause.REPLACED)]


async def test_nobody_who_asks_while_versions_are_registered_fails_or_waits_for_a_load() -> None:
    home = brief("mine:v1")
    async with home.open():
        await use(home)
        async with asked_without_pause(home) as answers:
            for version in ("v2", "v3", "v4"):
                await notice(home, f"mine:{version}")
                assert (await home.serving.predict("x", "mine")).version == version

    assert all(answer.cache_hit for answer in answers)
    assert {answer.version for answer in answers} >= {"v2", "v3", "v4"}


async def test_a_newer_version_does_not_take_the_place_of_a_champion() -> None:
    home = brief("mine:v1")
    async with home.open():
        await champion(home, "v1")
        await use(home)
        await notice(home, "mine:v2")

        assert states(home) == {"mine:v1": "resident"}


async def test_a_newer_version_of_what_is_not_in_memory_is_not_loaded() -> None:
    home = brief("mine:v1")
    async with home.open():
        await notice(home, "mine:v2")

        assert home.loader.orders == []


async def test_of_several_at_once_the_newest_has_the_name_in_the_end() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        gate = home.loader.hold("mine:v2")
        await register(home, "mine:v2", noticed=True)
        await home.loader.begins("mine:v2")
        await register(home, "mine:v3", noticed=True)
        gate.set()
        await attempts(home)
        await settle()

        assert (await serving.predict("x", "mine")).version == "v3"
        assert states(home) == {"mine:v3": "resident"}


async def test_a_newer_version_evicts_nobody_and_is_tried_again_by_the_next_refresh() -> None:
    """Unlike a champion. Planted fault: others had to go for it."""
    home = brief("mine:v1", "other", limit=330)
    async with home.open() as serving:
        await use(home)
        await serving.load("other")
        await notice(home, "mine:v2")

        assert states(home) == {"mine:v1": "resident", "other:v1": "resident"}
        await serving.unload("other")
        await refresh(home)
        assert states(home) == {"mine:v2": "resident"}


@pytest.mark.parametrize("fault", ["load", "canary"])
async def test_a_newer_version_that_fails_does_not_get_the_name_and_is_told(fault: str) -> None:
    home = brief("mine:v1")
    if fault == "load":
        home.loader.errors["mine:v2"] = ModelLoadFailed("damaged")
    else:
        home.loader.answers["v2"] = (nan, nan)
    async with home.open() as serving:
        await use(home)
        await notice(home, "mine:v2")
        answer = await serving.predict("x", "mine")
        shown = (await serving.versions("mine")).versions[0]

        assert (answer.version, answer.cache_hit) == ("v1", True)
        assert shown.version == "v2"
        assert shown.setback is not None
        assert shown.setback.held
        assert [told.model for told in home.audience.told(RefreshFailed)] == ["mine:v1"]


async def test_the_deletion_of_the_newest_brings_no_older_one_into_memory() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open():
        await use(home)
        await delete(home, "mine:v2")
        await attempts(home)

        assert states(home) == {"mine:v2": "resident"}


async def test_a_version_that_is_registered_again_is_tried_again_at_once() -> None:
    """It is in quarantine no more. Planted fault: it was, and failed for that."""
    home = brief("mine:v1")
    home.loader.failures["mine:v2"] = [ModelLoadFailed("damaged")]
    async with home.open():
        await use(home)
        await notice(home, "mine:v2")
        home.store.models[-1] = model("mine:v2", minute=50)
        await home.directory.refresh()
        await attempts(home)
        await settle()

        assert states(home) == {"mine:v2": "resident"}


async def test_a_store_that_was_away_and_is_back_loads_nothing() -> None:
    """What is in memory stays, and nothing of it is forgotten."""
    home = brief("mine:v1", "other")
    home.loader.answers["v2"] = (nan, nan)
    async with home.open():
        await use(home)
        await notice(home, "mine:v2")
        there, home.store.models = home.store.models, []
        await home.directory.refresh()
        home.store.models = there
        await home.directory.refresh()
        await attempts(home)

        assert states(home) == {"mine:v1": "resident"}
        assert home.loader.orders == ["mine:v1", "mine:v2"]


async def test_what_came_while_the_store_was_away_is_followed_when_it_is_back() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        there, home.store.models = home.store.models, []
        await home.directory.refresh()
        home.store.models = there
        await notice(home, "mine:v2")

        assert (await serving.predict("x", "mine")).version == "v2"


async def test_a_version_registered_while_the_one_before_loads_gets_the_name_after_that() -> None:
    home = brief("mine:v1")
    gate = home.loader.hold("mine:v1")
    async with home.open() as serving:
        first = home.begin(serving.predict("x", "mine"))
        await home.loader.begins("mine:v1")
        await register(home, "mine:v2", noticed=True)
        gate.set()

        assert (await first).version == "v1"
        await attempts(home)
        await until(lambda: states(home) == {"mine:v2": "resident"})

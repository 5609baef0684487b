"""What is held against a version that could not take another's place, and until when."""

from math import nan

import pytest

from cache.events import Refreshed
from models.errors import LoadOutOfMemory, ModelLoadFailed
from models.port import RefreshFailed
from tests.fakes import settle
from tests.houses import (
    attempts,
    brief,
    champion,
    delete,
    model,
    refresh,
    register,
    states,
    use,
)


async def test_a_champion_that_fails_its_canary_does_not_get_the_name_and_it_is_told() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        await use(home)
        home.loader.answers["v2"] = (nan, nan)

        report = await serving.set_alias("mine", "champion", "v2")
        answer = await serving.predict("x", "mine")
        shown = {one.version: one for one in (await serving.versions("mine")).versions}

        assert (report.swap, report.current, answer.version) == ("failed", "v1", "v1")
        assert "no probabilities" in (report.error or "")
        setback = shown["v2"].setback
        assert setback is not None
        assert (setback.held, "no probabilities" in setback.error) == (True, True)
        assert (shown["v1"].current, shown["v1"].setback) == (True, None)
        assert home.loader.orders == ["mine:v1", "mine:v2"]
        assert [told.model for told in home.audience.told(RefreshFailed)] == ["mine:v1"]


@pytest.mark.parametrize("fault", ["canary", "load"])
async def test_a_version_that_failed_is_not_loaded_when_the_old_one_has_left(fault: str) -> None:
    """Fault found: whoever asked next got the version that had failed its canary."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        home.loader.answers["v2"] = (nan, nan)
        if fault == "load":
            home.loader.errors["mine:v2"] = ModelLoadFailed("damaged")
        await refresh(home)
        await serving.unload("mine")

        answer = await serving.predict("x", "mine")

        assert (answer.version, states(home)) == ("v1", {"mine:v1": "resident"})
        assert home.loader.orders[:3] == ["mine:v1", "mine:v2", "mine:v1"]


async def test_what_failed_its_canary_is_not_tried_again_by_itself() -> None:
    """The one in memory is refreshed instead."""
    home = brief("mine:v1")
    async with home.open():
        await use(home)
        await register(home, "mine:v2")
        home.loader.answers["v2"] = (nan, nan)
        await refresh(home)
        await use(home)
        await refresh(home)

    assert home.loader.orders == ["mine:v1", "mine:v2"]
    assert len(home.audience.told(RefreshFailed)) == 1
    assert len(home.audience.told(Refreshed)) == 1


async def test_a_newer_version_is_tried_whatever_is_held_against_the_one_before() -> None:
    home = brief("mine:v1")
    async with home.open():
        await use(home)
        await register(home, "mine:v2")
        home.loader.answers["v2"] = (nan, nan)
        await refresh(home)
        await use(home)
        await register(home, "mine:v3")
        await refresh(home)
        await settle()

        assert states(home) == {"mine:v3": "resident"}


@pytest.mark.parametrize("how", ["load", "alias"])
async def test_what_is_held_against_a_version_is_forgiven_by_hand(how: str) -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        home.loader.answers["v2"] = (nan, nan)
        await refresh(home)
        del home.loader.answers["v2"]
        if how == "load":
            await serving.load("mine:v2")
            await use(home)
            await refresh(home)
        else:
            assert await champion(home, "v2") == "done"

        assert (await serving.predict("x", "mine")).version == "v2"
        assert all(one.setback is None for one in (await serving.versions("mine")).versions)


async def test_a_champion_that_failed_is_tried_again_when_it_is_set_again() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open():
        await champion(home, "v1")
        await use(home)
        home.loader.failures["mine:v2"] = [ModelLoadFailed("damaged")]
        swaps = [await champion(home, "v2") for _ in range(2)]

    assert swaps == ["failed", "done"]


async def test_a_version_that_is_registered_again_begins_anew() -> None:
    """Its content is the same and its time is new: the operator wants it tried."""
    home = brief("mine:v1")
    async with home.open():
        await use(home)
        await register(home, "mine:v2")
        home.loader.answers["v2"] = (nan, nan)
        await refresh(home)
        del home.loader.answers["v2"]
        await delete(home, "mine:v2")
        home.store.models.append(model("mine:v2", minute=30))
        await home.directory.refresh()
        await attempts(home)

        assert states(home) == {"mine:v2": "resident"}


async def test_a_version_for_which_memory_ran_out_is_not_held_to_blame() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        home.loader.errors["mine:v2"] = LoadOutOfMemory("full")
        await refresh(home)
        [newest, _] = (await serving.versions("mine")).versions

    assert newest.setback is not None
    assert not newest.setback.held


async def test_where_there_is_no_room_the_version_is_told_but_not_held_to_blame() -> None:
    """It takes the name at the next refresh, or when the old one leaves."""
    home = brief("mine:v1", "other", limit=330)
    async with home.open() as serving:
        await serving.load("other")
        await use(home)
        await register(home, "mine:v2")
        await refresh(home)
        [newest, _] = (await serving.versions("mine")).versions
        await serving.unload("mine")

        assert newest.setback is not None
        assert not newest.setback.held
        assert (await serving.predict("x", "mine")).version == "v2"

"""A champion takes the place of the version that the name stood for, and gives it back."""

import asyncio

import pytest

from cache.events import Cause
from models.warming import SAMPLES
from tests.aio.test_directory import until_true
from tests.fakes import settle, until
from tests.houses import (
    TTL,
    asked_without_pause,
    attempts,
    begin_refresh,
    brief,
    champion,
    refresh,
    register,
    removals,
    states,
    use,
)


async def test_a_new_champion_is_loaded_beside_tried_and_put_in_its_place_at_once() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await use(home)

        swap = await champion(home, "v1")
        answer = await serving.predict("x", "mine")
        await settle()

        assert (swap, answer.version, answer.cache_hit) == ("done", "v1", True)
        assert home.runner.read == [*SAMPLES, "x"]
        assert removals(home) == [("mine:v2", Cause.REPLACED)]
        assert states(home) == {"mine:v1": "resident"}


async def test_to_set_the_same_champion_again_changes_nothing() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open():
        await use(home)
        swaps = [await champion(home, "v1") for _ in range(3)]

    assert swaps == ["done", "not_needed", "not_needed"]
    assert home.loader.orders == ["mine:v2", "mine:v1"]


async def test_without_a_champion_the_newest_takes_the_name_again() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        await use(home)

        swaps = [await champion(home, None) for _ in range(2)]

        assert swaps == ["done", "not_needed"]
        assert (await serving.predict("x", "mine")).version == "v2"


async def test_a_refresh_does_not_take_a_newer_version_than_the_champion() -> None:
    """Planted fault: the newest taken for what the name is to stand for."""
    home = brief("mine:v1")
    async with home.open():
        await champion(home, "v1")
        await use(home)
        await register(home, "mine:v2")
        await refresh(home)

        assert states(home) == {"mine:v1": "resident"}


async def test_nobody_who_asks_while_champions_change_fails_or_waits_for_a_load() -> None:
    """Answers come of one of the two versions, and of the right one once the alias is set.

    Planted fault: the name switched before the new version was resident.
    """
    home = brief("mine:v1", "mine:v2")
    async with home.open():
        await use(home)
        async with asked_without_pause(home) as answers:
            for version in ("v1", "v2", "v1", "v2", "v1"):
                assert await champion(home, version) == "done"
                assert (await home.serving.predict("x", "mine")).version == version
                await settle()

    assert len(answers) > 100
    assert all(answer.cache_hit for answer in answers)
    assert {answer.version for answer in answers} == {"v1", "v2"}


@pytest.mark.parametrize("step", range(0, 60, 3))
async def test_a_roll_back_in_the_midst_of_a_swap_leads_to_what_is_set(step: int) -> None:
    """At any moment of it; before the first is written, either may come last.

    Planted fault: the swap under way ended as it had begun.
    """
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        await use(home)
        forth = home.begin(champion(home, "v2"))
        for _ in range(step):
            await asyncio.sleep(0)

        await champion(home, "v1")
        await forth
        await attempts(home)
        await settle()

        set_last = home.store.named["mine"]["champion"]
        assert set_last == "v1" or step == 0
        assert (await serving.predict("x", "mine")).version == set_last
        assert states(home) == {f"mine:{set_last}": "resident"}


async def test_a_roll_back_while_the_other_version_loads_wins() -> None:
    """That one never gets the name. Planted fault: it did, and the next swap took it away."""
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        await use(home)
        gate = home.loader.hold("mine:v2")
        forth = home.begin(champion(home, "v2"))
        await home.loader.begins("mine:v2")
        back = home.begin(champion(home, "v1"))
        await until_true(lambda: home.serving._versions.champion("mine") == "mine:v1")
        await settle()
        gate.set()

        assert await back == "not_needed"
        await forth
        await settle()
        assert (await serving.predict("x", "mine")).version == "v1"
        assert states(home) == {"mine:v1": "resident"}
        assert removals(home) == [("mine:v2", Cause.UNLOADED)]


async def test_a_champion_that_another_process_has_set_is_followed_after_the_next_listing() -> None:
    """`scripts/alias` on the store of a running service."""
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await use(home)
        home.store.set_alias("mine", "champion", "v1")
        await home.directory.refresh()
        await attempts(home)

        assert (await serving.predict("x", "mine")).version == "v1"


async def test_a_champion_set_while_the_version_before_loads_gets_the_name_after_that() -> None:
    """Fault planted: nothing was resident yet, and so nothing was followed."""
    home = brief("mine:v1", "mine:v2")
    gate = home.loader.hold("mine:v2")
    async with home.open() as serving:
        first = home.begin(serving.predict("x", "mine"))
        await home.loader.begins("mine:v2")
        setting = home.begin(champion(home, "v1"))
        await settle()
        gate.set()

        assert (await first).version == "v2"
        assert await setting == "done"
        assert (await serving.predict("x", "mine")).version == "v1"


async def test_a_champion_of_what_is_not_in_memory_is_loaded_when_it_is_asked_for() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        assert await champion(home, "v1") == "done"
        assert home.loader.orders == []
        assert (await serving.predict("x", "mine")).version == "v1"


async def test_a_champion_may_make_room_for_itself() -> None:
    """A roll back has to work where memory is short: others go, unlike for a refresh."""
    home = brief("mine:v1", "mine:v2", "other", limit=330)
    async with home.open() as serving:
        await serving.load("other")
        await use(home)

        assert await champion(home, "v1") == "done"
        await settle()
        assert (await serving.predict("x", "mine")).version == "v1"
        assert states(home) == {"mine:v1": "resident"}


async def test_with_room_for_one_the_champion_takes_the_place_of_the_one_in_memory() -> None:
    home = brief("mine:v1", "mine:v2", limit=150)
    async with home.open() as serving:
        await use(home)

        assert await champion(home, "v1") == "done"
        answer = await serving.predict("x", "mine")

    assert (answer.version, answer.cache_hit) == ("v1", True)


async def test_a_swap_that_takes_long_goes_on_when_nobody_waits_any_more() -> None:
    home = brief("mine:v1", "mine:v2", request_timeout=0.01)
    async with home.open() as serving:
        await use(home)
        gate = home.loader.hold("mine:v1")

        report = await serving.set_alias("mine", "champion", "v1")
        assert (report.swap, report.current) == ("under_way", "v2")
        gate.set()
        await attempts(home)
        assert (await serving.predict("x", "mine")).version == "v1"


async def test_a_refresh_under_way_and_a_new_champion_take_turns() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await home.loader.begins("mine:v2")
        setting = home.begin(champion(home, "v1"))
        await settle()
        gate.set()
        await setting
        await attempts(home)
        await settle()

        assert (await serving.predict("x", "mine")).version == "v1"
        assert states(home) == {"mine:v1": "resident"}


async def test_what_expires_comes_back_as_the_champion() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        await serving.load("mine")
        home.clock.advance(2 * TTL)
        await serving.cleanup()
        await until(lambda: states(home) == {})

        assert (await serving.predict("x", "mine")).version == "v1"


async def test_a_fixed_version_is_answered_beside_the_one_that_took_its_place() -> None:
    """The old one has left with the swap, and comes back for those who name it; both stay."""
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await champion(home, "v1")
        await use(home)
        await champion(home, "v2")
        await settle()
        fixed = await serving.predict("x", "mine:v1")
        plain = await serving.predict("x", "mine")

        assert (fixed.version, plain.version, plain.cache_hit) == ("v1", "v2", True)
        assert states(home) == {"mine:v1": "resident", "mine:v2": "resident"}


async def test_a_swap_back_to_a_version_that_is_in_memory_by_its_own_name_loads_nothing() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await use(home)
        await use(home, "mine:v1")
        await champion(home, "v1")

        assert (await serving.predict("x", "mine")).version == "v1"
        assert home.loader.orders == ["mine:v2", "mine:v1"]


async def test_closing_ends_a_swap_and_whoever_waits_for_it() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open() as serving:
        await use(home)
        home.loader.hold("mine:v1")
        setting = home.begin(serving.set_alias("mine", "champion", "v1"))
        await home.loader.begins("mine:v1")
        await serving.aclose()

        assert (await setting).swap in {"under_way", "failed", "not_needed", "done"}

"""Which version a name stands for, and what is shown of a name and of each of its versions."""

import pytest

from models.errors import ModelLoadFailed, ModelNotFound
from tests.fakes import settle, until
from tests.houses import delete, house, refresh, register, states


async def test_a_newer_version_does_not_take_the_place_of_the_one_in_memory() -> None:
    """Fault planted: the newest was loaded at once, and the first to ask waited for it."""
    home = house("mine:v1")
    async with home.open() as serving:
        await serving.predict("x", "mine")
        await register(home, "mine:v2")

        answer = await serving.predict("x", "mine")
        view = await serving.describe("mine")

    assert (answer.cache_hit, view.version, view.loaded) == (True, "v1", True)
    assert home.loader.orders == ["mine:v1"]


async def test_what_is_not_in_memory_is_loaded_in_its_newest_version() -> None:
    home = house("mine:v1")
    async with home.open() as serving:
        await serving.load("mine")
        await register(home, "mine:v2")
        await serving.unload("mine")

        await serving.predict("x", "mine")

        assert (await serving.describe("mine")).version == "v2"
        assert states(home) == {"mine:v2": "resident"}


async def test_what_drains_is_not_waited_for_where_a_newer_version_is_there() -> None:
    home = house("mine:v1")
    async with home.open() as serving:
        await serving.load("mine")
        await register(home, "mine:v2")
        home.runner.gate.clear()
        reading = home.begin(serving.predict("x", "mine"))
        await until(lambda: home.runner.read == ["x"])
        unload = home.begin(serving.unload("mine"))
        old = home.runner
        await until(lambda: states(home) == {"mine:v1": "draining"})

        assert (await serving.predict("y", "mine")).label == "a"
        assert states(home) == {"mine:v1": "draining", "mine:v2": "resident"}
        old.gate.set()
        assert (await reading).label == "a"
        await unload


async def test_a_version_that_loads_is_joined_although_a_newer_one_has_come() -> None:
    """Fault found: the newer one was loaded beside it, and the name was shown as absent."""
    home = house("mine:v1")
    gate = home.loader.hold("mine:v1")
    async with home.open() as serving:
        first = home.begin(serving.predict("x", "mine"))
        await home.loader.begins("mine:v1")
        await register(home, "mine:v2")
        second = home.begin(serving.predict("y", "mine"))
        await settle()
        view = await serving.describe("mine")
        gate.set()
        await first
        await second

    assert home.loader.orders == ["mine:v1"]
    assert (view.cached, view.loaded, view.version) == (True, False, "v1")


async def test_a_version_that_fails_to_load_gives_way_to_a_newer_one() -> None:
    """It is in quarantine, and the newer one is not."""
    home = house("mine:v1")
    home.loader.errors["mine:v1"] = ModelLoadFailed("damaged")
    async with home.open() as serving:
        with pytest.raises(ModelLoadFailed):
            await serving.predict("x", "mine")
        await register(home, "mine:v2")

        assert (await serving.predict("x", "mine")).label == "a"


async def test_a_name_and_the_version_it_stands_for_are_one_resident() -> None:
    """Fault planted: keys as they were asked for, so that one model was in memory twice."""
    home = house("mine:v1")
    async with home.open() as serving:
        await serving.predict("x", "mine")
        answer = await serving.predict("x", "mine:v1")

        assert answer.cache_hit
        assert states(home) == {"mine:v1": "resident"}
        assert len((await serving.cache()).models) == 3
        assert (await serving.unload("mine:v1")).freed == 100
        assert not (await serving.describe("mine")).loaded


async def test_figures_of_a_name_are_those_of_all_its_versions() -> None:
    """And those of a version its own, whichever way it was asked for."""
    home = house("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.predict("x", "mine:v1")
        await serving.predict("x", "mine:v2")
        await serving.predict("x", "mine")
        views = [await serving.describe(name) for name in ("mine", "mine:v1", "mine:v2")]
        together = (await serving.cache()).performance

    assert [view.access_count for view in views] == [3, 1, 2]
    assert [view.performance.predictions for view in views] == [3, 1, 2]
    assert [view.performance.loads for view in views] == [2, 1, 1]
    assert (together.predictions, together.loads) == (3, 2)


async def test_a_version_that_no_name_stands_for_is_listed_by_itself_while_it_is_there() -> None:
    """Fault planted: the list left it out, and the memory of the models did not add up."""
    home = house("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.load("mine:v1")
        await serving.load("mine")
        cache = await serving.cache()
        await serving.unload("mine:v1")
        after = await serving.cache()

    shown = {m.name: m.footprint for m in cache.models if m.cached}
    assert shown == {"mine": 100, "mine:v1": 100}
    assert cache.memory.used == 200
    assert [m.name for m in after.models if m.cached] == ["mine"]


async def test_memory_adds_up_while_an_old_version_drains() -> None:
    """It is listed as what it is, until its last request is answered."""
    home = house("mine:v1", cache_ttl=100.0)
    async with home.open() as serving:
        await serving.predict("x", "mine")
        await register(home, "mine:v2")
        old = home.runner
        await serving.predict("y", "mine")
        old.gate.clear()
        reading = home.begin(serving.predict("z", "mine"))
        await until(lambda: old.read[-1] == "z")
        await refresh(home)
        cache = await serving.cache()
        old.gate.set()
        await reading
        await until(lambda: states(home) == {"mine:v2": "resident"})

    shown = {m.name: (m.footprint, m.loaded) for m in cache.models if m.cached}
    assert shown == {"mine": (100, True), "mine:v1": (100, False)}
    assert cache.memory.used == 200


async def test_a_resident_that_was_deleted_from_the_store_is_not_shown_as_another() -> None:
    """The name has an older version still, which a load would be of."""
    home = house("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.load("mine")
        await delete(home, "mine:v2")

        view = await serving.describe("mine")
        answer = await serving.predict("x", "mine")
        await serving.unload("mine")

        assert (view.version, view.loaded, answer.cache_hit) == ("v2", True, True)
        with pytest.raises(ModelNotFound):
            await serving.load("mine:v2")
        await serving.load("mine")
        assert states(home) == {"mine:v1": "resident"}


async def test_a_warm_up_counts_for_the_version_that_was_warmed_up() -> None:
    """Fault found: the name was warm when an old version was, and cold when that one left."""
    home = house("mine:v1", "mine:v2", warmup_requests=1)
    async with home.open() as serving:
        await serving.load("mine")
        await serving.warmup("mine:v1")
        beside = [(await serving.describe(n)).warmup_completed for n in ("mine", "mine:v1")]
        await serving.warmup("mine")
        await serving.unload("mine:v1")

        assert beside == [False, True]
        assert (await serving.describe("mine")).warmup_completed


async def test_a_fixed_version_is_answered_by_that_version() -> None:
    """Beside the newest, which the bare name means."""
    home = house("mine:old", "mine:new")
    async with home.open() as serving:
        fixed = await serving.predict("x", "mine:old")
        newest = await serving.describe((await serving.predict("x", "mine")).model_used)

        assert fixed.model_used == "mine:old"
        assert newest.version == "new"
        assert (await serving.describe("mine:old")).version == "old"

"""What is refreshed and what expires, and what has gone in the midst of its refresh."""

from math import inf, nan

from cache.events import Refreshed
from models.catalogue import Catalogue
from models.port import RefreshFailed
from tests.fakes import settle, until
from tests.houses import (
    PINNED,
    SHIPPED,
    TTL,
    attempts,
    begin_refresh,
    begin_refreshes,
    brief,
    come_due,
    delete,
    house,
    model,
    refresh,
    register,
    states,
    use,
)


async def test_the_newest_version_itself_is_tried_out_and_stays_for_longer() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)

        await refresh(home)

        assert [event.key for event in home.audience.told(Refreshed)] == ["mine:v1"]
        view = await serving.describe("mine")
        assert view.lifetime is not None
        assert view.lifetime.refreshed_at == home.clock.utc(home.clock.monotonic())
        assert (view.access_count, view.performance.predictions) == (2, 2)
        assert home.loader.orders == ["mine:v1"]


async def test_one_that_fails_its_own_trial_is_removed_and_loaded_anew_when_asked_for() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        home.runner.answers = (nan, 1.0)

        await refresh(home)
        await settle()

        assert states(home) == {}
        assert len(home.audience.told(RefreshFailed)) == 1
        assert (await serving.predict("x", "mine")).label == "a"


async def test_a_model_that_nobody_has_asked_for_expires() -> None:
    """It is not refreshed: that would keep everything for ever. A refresh is no use either."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
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
    home = brief("mine:v1")
    async with home.open() as serving:
        await serving.load("mine", keep_alive=inf)
        await register(home, "mine:v2")
        await refresh(home)
        home.clock.advance(10 * TTL)
        await serving.cleanup()

        assert states(home) == {"mine:v2": "resident"}


async def test_a_refresh_that_is_under_way_is_not_begun_again() -> None:
    """Nor does the model expire meanwhile."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await home.loader.begins("mine:v2")
        home.clock.advance(TTL)

        begin_refreshes(home)
        await serving.cleanup()
        assert states(home) == {"mine:v1": "resident", "mine:v2": "loading"}
        gate.set()
        await attempts(home)


async def test_a_version_that_is_deleted_while_it_loads_takes_its_place_all_the_same() -> None:
    """It is in memory and sound. One that is gone before the load begins is not missed."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await home.loader.begins("mine:v2")
        await delete(home, "mine:v2")
        gate.set()
        await attempts(home)
        await settle()

        assert states(home) == {"mine:v2": "resident"}
        assert (await serving.predict("x", "mine")).cache_hit


async def test_a_model_of_which_no_version_is_left_stays_and_it_is_told() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await delete(home, "mine:v1")

        await refresh(home)

        assert states(home) == {"mine:v1": "resident"}
        assert [told.model for told in home.audience.told(RefreshFailed)] == ["mine:v1"]
        assert (await serving.describe("mine")).loaded


async def test_a_refresh_sees_what_was_registered_since_anybody_has_asked() -> None:
    """Fault found: a pinned model that nobody asks for went by a listing as old as its TTL."""
    home = brief("mine:v1")
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
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await come_due(home)
        home.clock.advance(2)
        begin_refreshes(home, "mine:v1")
        await serving.unload("mine")
        await attempts(home)

        assert states(home) == {}
        assert home.loader.orders == ["mine:v1"]


async def test_a_model_that_is_unloaded_while_its_next_version_loads_stays_away() -> None:
    """Fault found: the next version was in memory a moment after the unloading."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await home.loader.begins("mine:v2")
        await serving.unload("mine")
        gate.set()
        await attempts(home)
        await settle()

        assert states(home) == {}


async def test_the_next_version_stays_where_it_was_asked_for_when_the_old_one_had_gone() -> None:
    """The old runner died during the refresh, so those who asked joined the load."""
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        gate = home.loader.hold("mine:v2")
        await begin_refresh(home)
        await home.loader.begins("mine:v2")
        await home.loader.runners[0].close()
        await until(lambda: "mine:v1" not in states(home))
        joined = home.begin(serving.predict("x", "mine"))
        await settle()
        gate.set()

        assert (await joined).label == "a"
        await attempts(home)
        assert states(home) == {"mine:v2": "resident"}


async def test_a_fixed_version_that_is_not_the_name_s_is_refreshed_as_itself() -> None:
    home = brief("mine:v1", "mine:v2")
    async with home.open():
        await use(home, "mine:v1")
        await use(home, "mine")

        home.clock.advance(0.95 * TTL)
        begin_refreshes(home, "mine:v1", "mine:v2")
        await attempts(home)

    assert sorted(event.key for event in home.audience.told(Refreshed)) == ["mine:v1", "mine:v2"]


async def test_closing_ends_a_refresh() -> None:
    home = brief("mine:v1")
    async with home.open() as serving:
        await use(home)
        await register(home, "mine:v2")
        home.loader.hold("mine:v2")
        await begin_refresh(home)
        await home.loader.begins("mine:v2")

        await serving.aclose()

        assert states(home) == {}
        assert len(home.loader.runners) == 1

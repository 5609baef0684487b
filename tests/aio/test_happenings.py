"""What has happened can be asked for and followed; what runs out of memory is tried once more."""

import asyncio

import pytest

from cache.events import Cause, Draining, LoadFailed
from models.errors import LoadOutOfMemory, ModelLoadFailed
from models.port import RefreshFailed
from models.serving import Serving
from models.views.event import EventView
from tests.fakes import settle, until
from tests.houses import house, refresh, register, states


def kinds(serving: Serving, after: int = 0) -> list[str]:
    return [event.kind for event in serving.events(after=after, limit=100)]


async def test_events_tell_the_life_of_a_model_in_order() -> None:
    """By the key of the version. Predictions and warm-ups are figures, not events."""
    home = house("mine:v1", cache_ttl=100.0)
    async with home.open() as serving:
        await serving.predict("x", "mine")
        await serving.predict("x", "mine")
        await register(home, "mine:v2")
        home.loader.answers["v2"] = (1.0, 1.0)
        await refresh(home)
        await settle()
        await serving.unload("mine")
        events = serving.events(after=0, limit=100)

    assert [(event.kind, event.model) for event in events] == [
        ("load_started", "mine:v1"),
        ("load_finished", "mine:v1"),
        ("load_started", "mine:v2"),
        ("load_finished", "mine:v2"),
        ("draining", "mine:v2"),
        ("refresh_failed", "mine:v1"),
        ("removed", "mine:v2"),
        ("draining", "mine:v1"),
        ("removed", "mine:v1"),
    ]
    assert [event.id for event in events] == list(range(1, 10))


async def test_only_what_is_newer_is_asked_for_and_only_so_many_are_kept() -> None:
    home = house(events_kept=3)
    async with home.open() as serving:
        await serving.load("shipped")
        await serving.unload("shipped")

        assert kinds(serving) == ["load_finished", "draining", "removed"]
        assert kinds(serving, after=3) == ["removed"]
        assert [event.id for event in serving.events(after=0, limit=1)] == [4]


async def test_who_follows_is_told_and_the_shutdown_ends_it() -> None:
    """At its begin: a reader would else hold up the server until it is killed."""
    home = house()
    told: list[EventView] = []

    async def follow() -> None:
        told.extend([event async for event in home.serving.follow(after=0)])

    async with home.open() as serving:
        following = home.begin(follow())
        await settle()
        await serving.load("shipped")
        await settle()
        before = following.done()

        serving.begin_shutdown()
        await asyncio.wait_for(following, 1)

        assert not before
        assert [event.kind for event in told] == ["load_started", "load_finished"]
        assert (await serving.predict("x", "shipped")).label == "a"


async def test_who_comes_after_the_shutdown_has_begun_gets_what_is_kept() -> None:
    home = house()
    async with home.open() as serving:
        await serving.load("shipped")
        serving.begin_shutdown()

        told = [event.kind async for event in serving.follow(after=1)]

    assert told == ["load_finished"]


async def test_a_refresh_that_failed_is_told_to_the_observer_as_well() -> None:
    home = house("mine:v1", cache_ttl=100.0)
    async with home.open() as serving:
        await serving.load("mine", keep_alive=1e9)
        await register(home, "mine:v2")
        home.loader.errors["mine:v2"] = ModelLoadFailed("damaged")
        await refresh(home)

    assert [(e.model, e.error) for e in home.audience.told(RefreshFailed)] == [
        ("mine:v1", "damaged")
    ]


async def test_a_load_that_runs_out_of_memory_is_tried_once_more_without_the_idle() -> None:
    """Whoever asked waits a little longer. What is pinned or in use stays."""
    home = house("idle", "used", "kept", "mine")
    async with home.open() as serving:
        for name in ("idle", "used", "kept"):
            await serving.load(name)
        await serving.pin("kept", pinned=True)
        home.loader.runners[1].gate.clear()
        reading = home.begin(serving.predict("x", "used"))
        await until(lambda: home.loader.runners[1].read == ["x"])
        home.loader.failures["mine:v1"] = [LoadOutOfMemory("bad_alloc")] * 1

        answer = await serving.predict("x", "mine")
        home.loader.runners[1].gate.set()
        await reading

        assert answer.label == "a"
        assert set(states(home)) == {"used:v1", "kept:v1", "mine:v1"}
        [gone] = home.audience.told(Draining)
        assert (gone.key, gone.cause, gone.room_for) == ("idle:v1", Cause.EVICTED, "mine:v1")
        assert home.audience.told(LoadFailed) == []


async def test_what_runs_out_of_memory_twice_has_failed() -> None:
    """And rests, like all that fails."""
    home = house("idle", "mine")
    async with home.open() as serving:
        await serving.load("idle")
        home.loader.failures["mine:v1"] = [LoadOutOfMemory("bad_alloc")] * 2

        with pytest.raises(LoadOutOfMemory):
            await serving.predict("x", "mine")

        [failed] = home.audience.told(LoadFailed)
        assert (failed.key, failed.quarantine) == ("mine:v1", 1.0)


async def test_without_anything_to_evict_it_is_not_tried_again() -> None:
    home = house("mine")
    async with home.open() as serving:
        home.loader.failures["mine:v1"] = [LoadOutOfMemory("bad_alloc")] * 2

        with pytest.raises(LoadOutOfMemory):
            await serving.predict("x", "mine")

        assert home.loader.orders == ["mine:v1"]

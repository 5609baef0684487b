"""A load that nobody waits for goes on, until somebody needs its room."""

import asyncio

import pytest

from cache.events import Cause, Removed
from cache.policy import Limits
from cache.ports import Terms
from tests.fakes import Caller, World, settle


async def deserted(world: World, size: int = 30) -> None:
    """A load of "big" that nobody waits for any more."""
    world.loader.terms_of["big"] = Terms(size_estimate=size)
    world.loader.hold("big")
    caller = world.ask("big")
    await settle()
    caller.go_away()
    await settle()


async def needs_its_room(world: World) -> Caller:
    caller = world.ask("a")
    await settle()
    return caller


async def test_it_is_given_up_for_one_who_waits(world: World) -> None:
    """Its bytes are free when it has cleaned up."""
    await deserted(world)
    world.loader.cleanup_gate = asyncio.Event()

    caller = await needs_its_room(world)
    early, state = caller.holds, world.state("big")
    world.loader.cleanup_gate.set()
    await settle()

    assert (early, state) == (False, "draining")
    assert caller.holds
    assert world.states() == {"a": "resident"}
    removed = [e for e in world.observer.events if isinstance(e, Removed)]
    assert removed == [Removed("big", 1000.0, Cause.ABANDONED, freed=0, room_for="a")]


async def test_it_is_given_up_when_the_last_goes_away_while_somebody_waits(world: World) -> None:
    """Fault planted: nobody looked at the queue when a load was deserted."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.loader.hold("big")
    first = world.ask("big")
    await settle()
    caller = await needs_its_room(world)

    first.go_away()
    await settle()

    assert caller.holds


async def test_one_who_joins_it_again_keeps_it(world: World) -> None:
    """It is wanted like before."""
    await deserted(world)
    joined = world.ask("big")
    await settle()

    caller = await needs_its_room(world)
    world.loader.open("big")
    await settle()

    assert joined.holds
    assert not caller.holds


async def test_its_slot_is_free_at_once_though_its_bytes_are_not(world: World) -> None:
    """Planted fault: nobody looked at the queue again once it was given up."""
    world.limits = Limits(30, 30, 10, max_loads=1)
    await deserted(world, size=10)
    world.loader.cleanup_gate = asyncio.Event()

    caller = await needs_its_room(world)
    held, states = caller.holds, world.states()
    world.loader.cleanup_gate.set()
    await settle()

    assert held
    assert states == {"a": "resident", "big": "draining"}


async def test_it_is_given_up_for_its_slot(world: World) -> None:
    """Where only so many loads may be under way."""
    world.limits = Limits(30, 30, 10, max_loads=1)
    await deserted(world, size=10)

    caller = await needs_its_room(world)

    assert caller.holds
    assert world.states() == {"a": "resident"}


async def test_a_second_load_waits_for_a_slot(world: World) -> None:
    """Where somebody waits for the first."""
    world.limits = Limits(30, 30, 10, max_loads=1)
    world.loader.hold("b")
    first = world.ask("b")
    await settle()
    second = await needs_its_room(world)
    waited = not second.holds

    world.loader.open("b")
    await settle()

    assert waited
    assert first.holds
    assert second.holds


async def test_it_is_given_up_when_the_budget_shrinks(world: World) -> None:
    """Memory that is not there goes first to those who want it."""
    await deserted(world, size=10)
    world.limits = Limits(5, 5, 10, ceiling=30)

    world.residency.relieve()
    await settle()

    assert world.states() == {}


async def test_one_that_does_not_hear_it_is_closed_when_it_has_loaded(world: World) -> None:
    """Its room is free then."""
    await deserted(world)
    world.loader.deaf = True
    caller = await needs_its_room(world)
    early = caller.holds

    world.loader.open("big")
    await settle()

    assert not early
    assert world.loader.newest("big").closed
    assert caller.holds


async def test_who_asks_for_it_anew_is_served_by_another_load(world: World) -> None:
    """After the one that was given up has left."""
    await deserted(world)
    world.loader.cleanup_gate = asyncio.Event()
    caller = await needs_its_room(world)
    again = world.ask("big")
    await settle()

    world.loader.cleanup_gate.set()
    await settle()
    world.loader.open("big")
    caller.release()
    await settle()

    assert again.holds
    assert world.loader.most_at_once["big"] == 1


async def test_unloading_waits_for_the_load_that_takes_its_place(world: World) -> None:
    """Fault found: it waited for the one that was given up, and the next became resident."""
    await deserted(world)
    world.loader.cleanup_gate = asyncio.Event()
    caller = await needs_its_room(world)
    again = world.ask("big")
    await settle()

    unloading = asyncio.create_task(world.residency.unload("big"))
    await settle()
    world.loader.cleanup_gate.set()
    world.loader.open("big")
    caller.release()
    await settle()
    again.release()

    assert await asyncio.wait_for(unloading, 1) == 30
    assert world.state("big") == "absent"


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_budget_that_shrinks_while_all_is_closed_disturbs_nothing(deaf: bool) -> None:
    """Fault found: it was called off a second time, and that was an error in the background."""
    world = World()
    await deserted(world)
    world.loader.deaf = deaf
    world.loader.cleanup_gate = asyncio.Event()
    closing = asyncio.create_task(world.residency.aclose())
    await settle()
    world.limits = Limits(5, 5, 10)

    world.residency.relieve()
    world.loader.cleanup_gate.set()
    world.loader.open("big")
    await asyncio.wait_for(closing, 1)

    assert world.residency.fault is None
    assert world.states() == {}

"""Loads that fail, residents that end by themselves, and ones that will not end."""

import asyncio

import pytest

from cache.events import Cause, Outcome, Removed
from cache.ports import Terms
from tests.fakes import World, settle


@pytest.mark.parametrize("stage", ["terms", "load"])
async def test_all_who_wait_are_told_of_a_failure_and_the_next_tries_anew(
    world: World, stage: str
) -> None:
    """The cache is as it was; nobody retried on his own. The key is left alone for a second."""
    error = OSError("no such file")
    world.loader.hold("a")
    world.loader.hold("a", "terms")
    callers = [world.ask("a") for _ in range(3)]
    await settle()

    if stage == "terms":
        world.loader.terms_errors["a"] = error
    world.loader.open("a", "terms")
    world.loader.fail("a", error)
    await settle()
    state = world.state("a")
    world.loader.terms_errors.clear()
    world.loader.open("a")
    world.clock.advance(1)
    again = world.ask("a")
    await settle()

    assert [caller.error for caller in callers] == [error] * 3
    assert state == "absent"
    assert again.holds


async def test_room_of_a_failed_load_goes_to_the_next_in_the_queue(world: World) -> None:
    """Fault planted: the reservation was not given up when the loader raised."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.loader.hold("big")
    world.ask("big")
    await settle()
    caller = world.ask("a")
    await settle()

    world.loader.fail("big", OSError("broken"))
    await settle()

    assert caller.holds
    assert world.residency.totals().charged == 10


async def test_a_resident_that_dies_is_dropped_and_loaded_anew(world: World) -> None:
    """Fault planted: nobody watched it, and the next caller was given a dead one."""
    await world.have("a")

    world.loader.newest("a").die()
    await settle()
    state = world.state("a")
    caller = world.ask("a")
    await settle()

    assert state == "absent"
    assert caller.lease is not None
    assert caller.lease.outcome is Outcome.MISS
    assert caller.lease.resident.alive


async def test_a_resident_that_dies_under_a_lease_leaves_when_it_ends(world: World) -> None:
    """The holder may look at it until then; nobody else is given it."""
    holder = world.ask("a")
    await settle()

    world.loader.newest("a").die()
    await settle()
    state = world.state("a")
    holder.release()
    await settle()

    assert (state, world.state("a")) == ("draining", "absent")
    removed = world.observer.events[-1]
    assert isinstance(removed, Removed)
    assert removed.cause is Cause.FAILED


async def test_a_resident_that_dies_while_it_drains_keeps_its_cause(world: World) -> None:
    """It was told to go before, and goes once."""
    holder = world.ask("a")
    await settle()
    unloading = asyncio.create_task(world.residency.unload("a"))
    await settle()

    world.loader.newest("a").die()
    await settle()
    holder.release()
    await unloading

    removals = [event for event in world.observer.events if isinstance(event, Removed)]
    assert [removal.cause for removal in removals] == [Cause.UNLOADED]


async def test_discarding_removes_what_is_broken(world: World) -> None:
    """The holder found out, and says so while he still holds it."""
    async with world.residency.lease("a") as lease:
        world.residency.discard(lease)
        state = world.state("a")
    await settle()

    assert (state, world.state("a")) == ("draining", "absent")


async def test_discarding_late_spares_a_newer_resident(world: World) -> None:
    """Fault planted: `discard` went by the key alone."""
    async with world.residency.lease("a") as old:
        pass
    await world.residency.unload("a")
    await world.have("a")

    world.residency.discard(old)
    await settle()

    assert world.state("a") == "resident"

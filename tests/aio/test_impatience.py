"""One who is not patient takes room that is free, and no other."""

import pytest

from cache.errors import InsufficientRoom
from cache.ports import OutOfMemory, Terms
from tests.fakes import World, settle


async def test_room_that_is_free_is_taken(world: World) -> None:
    """Then it is a load like any other."""
    caller = world.ask("a", patient=False)
    await settle()

    assert caller.holds


async def test_nobody_is_evicted_for_him(world: World) -> None:
    """Fault planted: he was refused only after his victims had been told to go."""
    await world.have("a", "b", "c")

    caller = world.ask("d", patient=False)
    await settle()

    assert isinstance(caller.error, InsufficientRoom)
    assert set(world.states()) == {"a", "b", "c"}


async def test_he_does_not_wait_behind_others(world: World) -> None:
    """And those behind whom he would have waited keep their place.

    Fault planted: he was refused only when he had become the first in the queue.
    """
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    holder = world.ask("a")
    await settle()
    big = world.ask("big")
    await settle()

    caller = world.ask("b", patient=False)
    await settle()
    refused = caller.error
    holder.release()
    await settle()

    assert isinstance(refused, InsufficientRoom)
    assert big.holds


async def test_a_patient_one_who_joins_makes_the_load_patient(world: World) -> None:
    """His wish goes further, and both are served."""
    await world.have("a", "b", "c")
    world.loader.hold("d", "terms")
    callers = [world.ask("d", patient=False), world.ask("d")]
    await settle()

    world.loader.open("d", "terms")
    await settle()

    assert all(caller.holds for caller in callers)


async def test_nobody_is_evicted_for_him_when_memory_runs_out(world: World) -> None:
    """Fault found: all that was idle went for a load that was to take only what is free."""
    await world.have("a")
    world.loader.short_of_memory["b"] = 1

    caller = world.ask("b", patient=False)
    await settle()

    assert isinstance(caller.error, OutOfMemory)
    assert world.states() == {"a": "resident"}


async def test_what_is_resident_he_has_at_once(world: World) -> None:
    """It takes no room."""
    await world.have("a", "b", "c")

    async with world.residency.lease("a", patient=False) as lease:
        assert lease.resident is world.loader.newest("a")


async def test_one_refused_is_told_why(world: World) -> None:
    """There may be room again soon."""
    await world.have("a", "b", "c")

    with pytest.raises(InsufficientRoom, match="there is no room to spare"):
        async with world.residency.lease("d", patient=False):
            pass


async def test_an_impatient_one_who_joins_leaves_the_load_patient(world: World) -> None:
    """Fault planted: it was as impatient as the last who joined, and the first was refused."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.ask("a")
    await settle()
    first = world.ask("big")
    await settle()

    world.ask("big", patient=False)
    await settle()
    world.residency.relieve()
    await settle()

    assert not first.task.done()

"""Where memory runs out though there was room in the book, the rest goes, and it is tried again."""

import asyncio

from cache.ports import OutOfMemory
from tests.fakes import World, settle


async def test_all_that_may_go_goes_and_it_is_tried_once_more(world: World) -> None:
    """And is resident then."""
    await world.have("a", "b")
    world.loader.short_of_memory["c"] = 1

    caller = world.ask("c")
    await settle()

    assert caller.holds
    assert world.states() == {"c": "resident"}
    assert world.loader.begun == ["a", "b", "c", "c"]


async def test_it_is_tried_when_their_memory_is_free_and_not_before(world: World) -> None:
    """Fault planted: the second try did not wait for them to be gone."""
    await world.have("a")
    world.loader.hold("a", "close")
    world.loader.short_of_memory["c"] = 1
    caller = world.ask("c")
    await settle()
    tries = world.loader.begun.count("c")

    world.loader.open("a", "close")
    await settle()

    assert tries == 1
    assert caller.holds


async def test_not_a_third_time_either_if_more_may_go_by_then(world: World) -> None:
    """Fault planted: it was tried for as long as there was anybody to evict."""
    await world.have("a")
    holder = world.ask("b")
    world.loader.hold("a", "close")
    world.loader.short_of_memory["c"] = 2
    caller = world.ask("c")
    await settle()

    holder.release()
    await settle()
    world.loader.open("a", "close")
    await settle()

    assert isinstance(caller.error, OutOfMemory)
    assert world.states() == {"b": "resident"}


async def test_it_is_not_tried_a_third_time(world: World) -> None:
    """It failed, and is held against the key."""
    await world.have("a")
    world.loader.short_of_memory["c"] = 2

    caller = world.ask("c")
    await settle()

    assert isinstance(caller.error, OutOfMemory)
    assert world.loader.begun.count("c") == 2
    suspension = world.residency.suspension("c")
    assert suspension is not None
    assert suspension.failures == 1


async def test_it_is_not_tried_again_where_nobody_could_go(world: World) -> None:
    """Nothing would be different."""
    holder = world.ask("a")
    await settle()
    world.loader.short_of_memory["c"] = 1

    caller = world.ask("c")
    await settle()

    assert isinstance(caller.error, OutOfMemory)
    assert world.loader.begun.count("c") == 1
    assert holder.holds


async def test_what_leaves_already_is_waited_for(world: World) -> None:
    """Its memory comes free without anybody else's going."""
    await world.have("a")
    world.loader.hold("a", "close")
    unloading = asyncio.create_task(world.residency.unload("a"))
    world.loader.short_of_memory["c"] = 1
    caller = world.ask("c")
    await settle()

    world.loader.open("a", "close")
    await unloading
    await settle()

    assert caller.holds


async def test_what_leaves_under_a_lease_is_not_waited_for(world: World) -> None:
    """Fault found: two who each held what the other waited for hung for ever."""
    holder = world.ask("a")
    await settle()
    assert holder.lease is not None
    world.residency.discard(holder.lease)
    world.loader.short_of_memory["c"] = 1

    caller = world.ask("c")
    await settle()

    assert isinstance(caller.error, OutOfMemory)


async def test_one_that_cannot_be_closed_is_not_held_against_another() -> None:
    """Fault found: the load failed with the error of the resident that would not end."""
    world = World()
    await world.have("a")
    world.loader.newest("a").close_error = OSError("it would not end")
    world.loader.short_of_memory["c"] = 1
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    caller = world.ask("c")
    await settle()

    assert caller.holds
    assert reported
    caller.release()
    await world.residency.aclose()


async def test_it_does_not_evict_itself_when_nobody_waits_for_it_any_more(world: World) -> None:
    """The load goes on. Fault planted: it was among those that may go, and gave itself up."""
    await world.have("a")
    world.loader.hold("c")
    world.loader.short_of_memory["c"] = 1
    caller = world.ask("c")
    await settle()
    caller.go_away()
    await settle()

    world.loader.open("c")
    await settle()

    assert world.states() == {"c": "resident"}

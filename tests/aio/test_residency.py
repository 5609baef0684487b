import asyncio

import pytest

from cache.errors import CacheClosed, InsufficientRoom
from tests.fakes import World, settle


async def test_closing_before_a_load_began_answers_its_callers(world: World) -> None:
    """A caller whose load task never took a step is told that the cache is closed."""
    caller = world.ask("a")
    await asyncio.sleep(0)

    await world.residency.aclose()
    await settle()

    assert isinstance(caller.error, CacheClosed)


async def test_a_queued_load_nobody_waits_for_any_more_is_called_off(world: World) -> None:
    """It takes its place in the queue along, and nobody is evicted for it."""
    await world.have("a", "b", "c")
    holders = [world.ask(key) for key in ("a", "b", "c")]
    await settle()
    caller = world.ask("d")
    await settle()

    caller.go_away()
    await settle()
    for holder in holders:
        holder.release()
    await settle()

    assert world.states() == dict.fromkeys(("a", "b", "c"), "resident")


async def test_a_newcomer_does_not_join_a_load_that_was_called_off(world: World) -> None:
    """Who asks in the step in which the last other went away is served by a new load."""
    await world.have("a", "b", "c")
    holders = [world.ask(key) for key in ("a", "b", "c")]
    await settle()
    first = world.ask("d")
    await settle()

    first.go_away()
    second = world.ask("d")
    await settle()
    for holder in holders:
        holder.release()
    await settle()

    assert second.error is None
    assert second.holds


async def test_nobody_is_evicted_for_a_caller_who_left_before_the_terms_were_known(
    world: World,
) -> None:
    """A load is called off in every stage before its room is reserved."""
    await world.have("a", "b", "c")
    world.loader.hold_terms("d")
    caller = world.ask("d")
    await settle()

    caller.go_away()
    await settle()
    world.loader.open_terms("d")
    await settle()

    assert world.states() == dict.fromkeys(("a", "b", "c"), "resident")


async def test_two_who_go_away_together_do_not_call_off_the_load_of_a_third(
    world: World,
) -> None:
    """Only the flight that one waited for is called off, not a newer one of the same key."""
    world.loader.hold_terms("a")
    first, second = world.ask("a"), world.ask("a")
    await settle()

    first.go_away()
    third = world.ask("a")
    second.go_away()
    await settle()
    world.loader.open_terms("a")
    await settle()

    assert third.holds


async def test_a_key_whose_lease_never_ends_is_not_waited_for_for_ever() -> None:
    """The room timeout bounds the wait for a former resident, too."""
    world = World(room_timeout=0.0)
    holder = world.ask("a")
    await settle()
    assert holder.lease is not None
    world.residency.discard(holder.lease)

    caller = world.ask("a")
    await asyncio.wait([caller.task], timeout=1)

    assert isinstance(caller.error, InsufficientRoom)
    holder.release()
    await settle()


async def test_a_load_called_off_as_it_is_let_in_was_never_begun(world: World) -> None:
    """Observers see an end to every beginning."""
    await world.have("a", "b", "c")
    holders = [world.ask(key) for key in ("a", "b", "c")]
    await settle()
    world.ask("d")
    await settle()
    world.loader.hold_close("a")
    holders[0].release()
    await settle()
    world.observer.events.clear()

    world.loader.open_close("a")
    while world.state("d") == "absent":
        await asyncio.sleep(0)
    await world.residency.aclose()

    assert ("LoadStarted", "d") not in world.observer.told()


async def test_a_resident_that_cannot_be_closed_is_an_error_to_all_not_a_hang() -> None:
    """Its bytes stay charged, everybody who waits for them is told, and the fault is kept."""
    world = World()
    await world.have("a")
    world.loader.newest("a").close_error = OSError("it would not end")
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    with pytest.raises(OSError, match="it would not end"):
        await asyncio.wait_for(world.residency.unload("a"), 1)
    with pytest.raises(OSError, match="it would not end"):
        await asyncio.wait_for(world.ask("a").task, 1)
    await asyncio.wait_for(world.residency.aclose(), 1)

    assert world.residency.totals().leaving == 10
    assert isinstance(world.residency.fault, OSError)
    assert reported


async def test_closing_twice_at_once_cancels_a_load_but_once(world: World) -> None:
    """The second does not disturb how the first load cleans up; both return when all is gone."""
    world.loader.hold("a")
    world.loader.cleanup_gate = asyncio.Event()
    world.ask("a")
    await settle()

    closings = [asyncio.create_task(world.residency.aclose()) for _ in range(2)]
    await settle()
    early = [closing.done() for closing in closings]
    world.loader.cleanup_gate.set()
    await asyncio.wait_for(asyncio.gather(*closings), 1)

    assert early == [False, False]
    assert world.loader.cleaned_up == ["a"]


async def test_a_load_that_ends_well_although_it_was_cancelled_is_closed(world: World) -> None:
    """A cancellation may come too late for the loader; then its resident leaves at once."""
    world.loader.hold("a")
    world.loader.deaf = True
    world.ask("a")
    await settle()

    closing = asyncio.create_task(world.residency.aclose())
    await settle()
    world.loader.open("a")
    await asyncio.wait_for(closing, 1)

    assert world.loader.newest("a").closed
    assert world.states() == {}


async def test_closing_does_not_wait_for_leases(world: World) -> None:
    """What is leased is closed under its holder; the book is empty when he lets go."""
    holder = world.ask("a")
    await settle()

    await asyncio.wait_for(world.residency.aclose(), 1)
    charged = world.residency.totals().leaving
    holder.release()
    await settle()

    assert not world.loader.alive
    assert (charged, world.states()) == (10, {})

"""The end: everybody is answered, and nothing is left."""

import asyncio

import pytest

from cache.errors import CacheClosed
from cache.events import Cause
from cache.ports import Terms
from tests.fakes import World, settle


async def test_a_closed_cache_gives_no_leases(world: World) -> None:
    """Not even on what is still resident."""
    await world.have("a")
    closing = asyncio.create_task(world.residency.aclose())
    await asyncio.sleep(0)

    caller = world.ask("a")
    await closing
    await settle()

    assert isinstance(caller.error, CacheClosed)


async def test_closing_answers_all_who_wait_and_removes_all_that_live(world: World) -> None:
    """Looked up, queued, loading, resident or leased: nothing is left of it."""
    world.loader.hold("terms", "terms")
    world.loader.hold("loading")
    await world.have("resident")
    world.ask("leased")
    await settle()
    callers = [world.ask(key) for key in ("terms", "loading", "queued")]
    world.loader.terms_of["queued"] = Terms(size_estimate=30)
    await settle()

    await asyncio.wait_for(world.residency.aclose(), 1)
    await settle()

    assert [type(caller.error) for caller in callers] == [CacheClosed] * 3
    assert not world.loader.alive


async def test_closing_waits_for_memory_to_be_free(world: World) -> None:
    """A slow unload is not left behind."""
    await world.have("a")
    world.loader.hold("a", "close")

    closing = asyncio.create_task(world.residency.aclose())
    await settle()
    early = closing.done()
    world.loader.open("a", "close")
    await asyncio.wait_for(closing, 1)

    assert not early
    assert not world.loader.alive


async def test_closing_before_a_load_began_answers_its_callers(world: World) -> None:
    """A caller whose load task never took a step is told that the cache is closed."""
    caller = world.ask("a")
    await asyncio.sleep(0)

    await world.residency.aclose()
    await settle()

    assert isinstance(caller.error, CacheClosed)


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


async def test_who_waits_for_one_to_leave_that_cannot_be_closed_is_told_at_once() -> None:
    """Fault planted: he waited until the time for it was up."""
    world = World()
    await world.have("a")
    world.loader.hold("a", "close")
    world.residency.retire("a", Cause.UNLOADED)
    caller = world.ask("a")
    await settle()
    world.loader.newest("a").close_error = OSError("it would not end")
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    world.loader.open("a", "close")
    await settle()

    assert isinstance(caller.error, OSError)
    assert reported
    await asyncio.wait_for(world.residency.aclose(), 1)


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


async def test_a_load_that_outgrew_the_budget_while_it_was_called_off_leaves_once(
    world: World,
) -> None:
    """Fault found: it was evicted for its size, and then drained again for the close."""
    world.loader.hold("a")
    world.loader.deaf = True
    world.loader.footprints["a"] = 99
    world.ask("a")
    await settle()

    closing = asyncio.create_task(world.residency.aclose())
    await settle()
    world.loader.open("a")
    await asyncio.wait_for(closing, 1)

    assert world.residency.fault is None
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

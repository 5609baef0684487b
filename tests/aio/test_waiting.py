"""Those who wait for room: how long, how many, and in which order they are served."""

import asyncio

import pytest

from cache.errors import InsufficientRoom, TooManyWaiting
from cache.ports import Terms
from tests.fakes import World, settle


async def test_those_who_wait_for_room_are_served_in_order(world: World) -> None:
    """Fault planted: `pump` let in whichever ticket fitted."""
    world.loader.terms_of["big"] = Terms(size_estimate=20)
    holders = [world.ask(key) for key in ("a", "b", "c")]
    await settle()
    big, small = world.ask("big"), world.ask("small")
    await settle()

    holders[0].release()
    await settle()
    after_one = (big.holds, small.holds)
    holders[1].release()
    await settle()

    assert after_one == (False, False)
    assert (big.holds, small.holds) == (True, False)


async def test_the_order_is_that_of_the_first_request(world: World) -> None:
    """Fault planted: the queue was in the order in which the terms became known."""
    holders = [world.ask(key) for key in ("a", "b", "c")]
    world.loader.hold("d", "terms")
    first, second = world.ask("d"), world.ask("e")
    await settle()

    world.loader.open("d", "terms")
    await settle()
    holders[0].release()
    await settle()

    assert (first.holds, second.holds) == (True, False)


async def test_bytes_are_free_only_when_the_resident_is_gone(world: World) -> None:
    """Fault planted: `admit` took what drains for gone, and two shared the room."""
    await world.have("a", "b", "c")
    world.loader.hold("a", "close")
    newcomer = world.ask("d")
    await settle()
    world.ask("e")
    await settle()
    waited = not newcomer.holds

    world.loader.open("a", "close")
    await settle()

    assert waited
    assert newcomer.holds


async def test_room_that_does_not_come_free_in_time_is_an_error() -> None:
    """It says when to come again, and the next in the queue moves up."""
    world = World(room_timeout=0.01)
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    holder = world.ask("a")
    await settle()

    with pytest.raises(
        InsufficientRoom, match=r"no room for big came free within 0\.01 s"
    ) as error:
        await asyncio.wait_for(world.ask("big").task, 1)

    assert error.value.retry_after == 0.01
    holder.release()
    await world.residency.aclose()


async def test_no_more_wait_than_are_allowed() -> None:
    """Joiners count, those with a hit do not."""
    world = World(max_waiting=2)
    await world.have("here")
    world.loader.hold("a")
    waiting = [world.ask("a"), world.ask("a")]
    await settle()

    refused, served = world.ask("b"), world.ask("here")
    await settle()

    assert world.residency.waiting == 2
    assert isinstance(refused.error, TooManyWaiting)
    assert served.holds
    assert not any(caller.task.done() for caller in waiting)
    await world.residency.aclose()


async def test_one_who_went_away_leaves_his_place_to_the_next() -> None:
    """Only those who still wait are counted."""
    world = World(max_waiting=1)
    world.loader.hold("a")
    first = world.ask("a")
    await settle()

    first.go_away()
    second = world.ask("a")
    await settle()

    assert second.error is None
    await world.residency.aclose()

"""While residents keep all cores busy, a load that would cost one of them its place can wait."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cache.events import Outcome
from cache.policy import Limits
from cache.queue import Fairness
from tests.fakes import World, settle


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Two cores, room for three; loads are put off for a second, nobody is overtaken for ever."""
    world = World(fairness=Fairness(times=4, seconds=60.0, postponed=1.0))
    world.limits = Limits(30, 30, 10, cores=2)
    yield world
    for caller in world.callers:
        caller.go_away()
    await settle()
    await world.residency.aclose()
    assert world.residency.fault is None
    assert world.residency._queue._alarm is None


async def busy_with_a_and_b(world: World) -> None:
    """Leases on "a" and "b" are held; "c" is resident and idle."""
    async with world.residency.lease("c"):
        pass
    world.ask("a")
    world.ask("b")
    await settle()


async def test_nobody_goes_while_all_cores_have_work(world: World) -> None:
    """Planted fault: the queue took the victims all the same."""
    await busy_with_a_and_b(world)

    newcomer = world.ask("d")
    await settle()

    assert not newcomer.holds
    assert world.states() == dict.fromkeys("abc", "resident")


async def test_once_a_core_is_free_it_loads(world: World) -> None:
    """Planted fault: nobody looked again when a lease ended that was not its model's last."""
    await busy_with_a_and_b(world)
    world.callers[1].release()
    more = world.ask("a")
    await settle()
    newcomer = world.ask("d")
    await settle()
    waited = not newcomer.holds

    more.release()
    await settle()

    assert waited
    assert newcomer.holds
    assert world.states() == {"a": "resident", "c": "resident", "d": "resident"}


async def test_after_a_second_it_loads_however_busy_all_are(world: World) -> None:
    """The queue wakes by itself. Planted fault: it would have done so when he starved."""
    await busy_with_a_and_b(world)
    newcomer = world.ask("d")
    await settle()
    alarm = world.residency._queue._alarm
    assert alarm is not None
    sleeps = alarm.when() - asyncio.get_running_loop().time()

    world.clock.advance(1.0)
    world.residency.relieve()
    await settle()

    assert sleeps <= 1.0
    assert newcomer.holds


async def test_those_who_ask_for_it_meanwhile_share_one_load(world: World) -> None:
    """That is what is gained."""
    await busy_with_a_and_b(world)
    several = [world.ask("d") for _ in range(3)]
    await settle()

    world.callers[0].release()
    await settle()

    assert world.loader.begun.count("d") == 1
    outcomes = [caller.lease.outcome for caller in several if caller.lease is not None]
    assert outcomes == [Outcome.MISS, Outcome.JOIN, Outcome.JOIN]


async def test_room_that_is_free_is_taken_at_once(world: World) -> None:
    """Nobody loses anything by that."""
    world.ask("a")
    world.ask("b")
    await settle()

    newcomer = world.ask("d")
    await settle()

    assert newcomer.holds


async def test_a_plan_tells_who_would_go(world: World) -> None:
    """Though not at this moment: what is put off is not what is asked about."""
    await busy_with_a_and_b(world)

    plan = await world.residency.plan("d")

    assert getattr(plan.verdict, "victims", None) == ("c",)

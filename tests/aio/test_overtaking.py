"""Nobody who waits for room is overtaken without end."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from cache.events import Outcome
from cache.ports import Terms
from cache.queue import Fairness
from tests.fakes import Caller, World, settle


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """One who waits here may be overtaken twice."""
    world = World(fairness=Fairness(times=2, seconds=1e6))
    yield world
    for caller in world.callers:
        caller.go_away()
    await settle()
    await world.residency.aclose()
    assert world.residency.fault is None
    assert world.states() == {}
    assert world.residency._queue._alarm is None


async def somebody_waits(world: World) -> Caller:
    """One for "big", behind a lease on "a"."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.ask("a")
    await settle()
    big = world.ask("big")
    await settle()
    return big


async def hits(world: World, number: int) -> list[bool]:
    """Who asks for "a", one after another, and is served at once."""
    served = []
    for _ in range(number):
        caller = world.ask("a")
        await settle()
        served.append(caller.holds)
    return served


async def test_he_is_overtaken_so_often_and_no_more(world: World) -> None:
    """Fault planted: what stood in his way was closed to nobody."""
    await somebody_waits(world)

    assert await hits(world, 4) == [True, True, False, False]


async def test_nothing_is_closed_for_him_before_that(world: World) -> None:
    """Fault planted: it was closed one too early, if the queue was looked at meanwhile."""
    await somebody_waits(world)
    once = await hits(world, 1)

    world.residency.relieve()

    assert (once, await hits(world, 2)) == ([True], [True, False])


async def test_once_those_who_hold_it_let_go_he_is_served(world: World) -> None:
    """And those who asked after he was closed to them come after him."""
    big = await somebody_waits(world)
    await hits(world, 3)

    for caller in world.callers:
        if caller.key == "a":
            caller.release()
    await settle()
    served = big.holds
    big.release()
    await settle()

    assert served
    assert world.callers[-1].lease is not None
    assert world.callers[-1].lease.outcome is Outcome.MISS


async def test_what_is_in_nobody_s_way_stays_open(world: World) -> None:
    """Only as much is closed as he needs."""
    world.loader.terms_of["big"] = Terms(size_estimate=20)
    world.ask("a")
    await settle()
    world.clock.advance(1)
    world.ask("b")
    await settle()
    world.ask("big")
    await settle()
    await hits(world, 3)

    other = world.ask("b")
    await settle()

    assert other.holds
    assert not world.callers[-2].holds


async def test_who_was_held_up_needs_no_load_if_it_is_still_there(world: World) -> None:
    """When his turn comes the key is resident: that is a hit for all who waited for it."""
    big = await somebody_waits(world)
    await hits(world, 2)
    late = [world.ask("a"), world.ask("a")]
    await settle()
    waited = not any(caller.holds for caller in late)

    big.go_away()
    await settle()

    leases = [caller.lease for caller in late if caller.lease is not None]
    assert waited
    assert [lease.outcome for lease in leases] == [Outcome.HIT] * 2
    assert world.loader.begun == ["a"]
    assert world.residency.entries()[0].leases == 5


async def test_one_who_goes_away_as_his_turn_comes_gives_his_lease_back(world: World) -> None:
    """Fault planted: the lease that the queue took for him stayed, as nobody was left to have it.

    The queue has served him, and he is gone before his load is told.
    """
    big = await somebody_waits(world)
    await hits(world, 2)
    late = world.ask("a")
    await settle()

    world.limits = replace(world.limits, budget=60)
    world.residency.relieve()
    taken = world.residency.entry("a")
    late.go_away()
    await settle()

    assert big.holds
    assert taken is not None
    assert taken.leases == 4
    assert world.residency.entries()[0].leases == 3


async def test_who_was_held_up_and_went_away_holds_nothing(world: World) -> None:
    """In the step in which his turn came he got a lease that he gives back."""
    big = await somebody_waits(world)
    await hits(world, 2)
    late = world.ask("a")
    await settle()

    big.go_away()
    late.go_away()
    await settle()

    assert world.residency.entries()[0].leases == 3


async def test_a_key_that_leaves_as_the_turn_comes_is_loaded_after_all(world: World) -> None:
    """The lease that he was given is on what drains, and is given back."""
    big = await somebody_waits(world)
    await hits(world, 2)
    late = world.ask("a")
    await settle()
    held = world.callers[0].lease
    assert held is not None

    big.go_away()
    big.task.add_done_callback(lambda _: world.residency.discard(held))
    await settle()
    for caller in world.callers[:-1]:
        caller.release()
    await settle()

    assert late.lease is not None
    assert late.lease.resident is not held.resident


async def test_to_join_a_load_while_others_wait_is_to_overtake(world: World) -> None:
    """What is loading is closed, too, where it stands in the way."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.loader.hold("a")
    world.ask("a")
    await settle()
    big = world.ask("big")
    await settle()
    for _ in range(3):
        world.ask("a")
    await settle()

    world.loader.open("a")
    await settle()
    in_time = [caller.holds for caller in world.callers if caller.key == "a"]
    for caller in world.callers[:-1]:
        caller.release()
    await settle()

    assert in_time == [True, True, True, False]
    assert big.task.done()
    assert world.callers[-1].holds
    assert world.loader.most_at_once["a"] == 1


async def test_one_who_has_waited_for_long_is_not_overtaken_once_more() -> None:
    """Nothing else has to happen: a timer sees to it. Fault planted: it was not set.

    Fault found: it rang for nothing where since + seconds - since is less than the seconds.
    """
    world = World(fairness=Fairness(times=1000, seconds=0.01))
    big = await somebody_waits(world)
    alarm = world.residency._queue._alarm
    assert alarm is not None
    world.clock.advance(0.01)
    alarm._run()

    late = await hits(world, 1)
    world.callers[0].release()
    await settle()

    assert late == [False]
    assert big.holds
    await world.residency.aclose()
    await settle()


async def test_a_failed_load_is_not_tried_by_those_who_queue_for_its_key(world: World) -> None:
    """Fault found: who had been held up tried it again at once, whatever it had come to."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.loader.hold("a")
    world.ask("a")
    await settle()
    big = world.ask("big")
    await settle()
    for _ in range(3):
        world.ask("a")
    await settle()

    world.loader.fail("a", OSError("broken"))
    await settle()
    big.release()
    await settle()

    assert world.loader.begun == ["a", "big"]
    assert "broken" in str(world.callers[-1].error)

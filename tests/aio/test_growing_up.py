"""A resident is not thrown out for another before it was of use."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cache.policy import Limits, Policy
from cache.ports import Key, Terms
from cache.queue import Fairness
from cache.scores import lru
from tests.fakes import UNHURRIED, Caller, World, settle


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Room for one, which is young for two seconds after a load of two."""
    world = guarded(UNHURRIED)
    yield world
    await end(world)


def guarded(fairness: Fairness) -> World:
    world = World(policy=Policy(lru, churn_guard=2.0), fairness=fairness)
    world.limits = Limits(10, 10, 10)
    return world


async def end(world: World) -> None:
    for caller in world.callers:
        caller.go_away()
    await settle()
    await world.residency.aclose()
    assert world.residency.fault is None
    assert world.residency._queue._alarm is None


async def one_is_young(world: World) -> Caller:
    """ "a" was loaded a moment ago, asked for again and is idle; one for "b" asks."""
    world.loader.hold("a")
    first = world.ask("a")
    await settle()
    world.clock.advance(2.0)
    world.loader.open("a")
    await settle()
    first.release()
    async with world.residency.lease("a"):
        pass
    newcomer = world.ask("b")
    await settle()
    return newcomer


async def test_the_newcomer_waits_and_is_not_refused(world: World) -> None:
    """There will be room in a moment, and he is woken then."""
    newcomer = await one_is_young(world)
    alarm = world.residency._queue._alarm

    assert world.states() == {"a": "resident"}
    assert newcomer.error is None
    assert alarm is not None


async def test_one_that_nobody_came_back_to_goes_at_once(world: World) -> None:
    """The best victim that there is. Fault planted: it was young all the same."""
    world.loader.hold("a")
    first = world.ask("a")
    await settle()
    world.clock.advance(0.5)
    world.loader.open("a")
    await settle()
    first.release()

    newcomer = world.ask("b")
    await settle()

    assert newcomer.holds


async def test_when_it_has_come_of_age_it_goes(world: World) -> None:
    """Fault planted: nobody asked again, and the newcomer waited for ever."""
    newcomer = await one_is_young(world)
    alarm = world.residency._queue._alarm
    assert alarm is not None

    world.clock.advance(2.0)
    alarm._run()
    await settle()

    assert newcomer.holds
    assert world.states() == {"b": "resident"}


async def test_he_is_woken_when_it_has_come_of_age_and_not_later(world: World) -> None:
    """Fault planted: the alarm was set for when he would have waited too long."""
    await one_is_young(world)
    alarm = world.residency._queue._alarm

    assert alarm is not None
    assert alarm.when() - asyncio.get_running_loop().time() <= 2.0


async def test_nobody_is_woken_who_does_not_wait_any_more(world: World) -> None:
    """Fault planted: the alarm was forgotten, and rang for nobody."""
    newcomer = await one_is_young(world)
    alarm = world.residency._queue._alarm
    assert alarm is not None

    newcomer.go_away()
    await settle()

    assert alarm.cancelled()


async def test_there_is_one_alarm_at_a_time(world: World) -> None:
    """Fault planted: with each look at the queue one more was set."""
    await one_is_young(world)
    former = world.residency._queue._alarm
    assert former is not None

    world.residency.relieve()

    assert former.cancelled()


async def test_one_who_is_starved_does_not_wait_for_it(world: World) -> None:
    """He has waited too long already."""
    world = guarded(Fairness(times=0, seconds=1e6))

    newcomer = await one_is_young(world)

    assert newcomer.holds
    await end(world)


async def one_may_overtake_once_more(loading: Key | None = None) -> World:
    """ "a" is young and has to go for one who waits, and who will be starved then.

    So has the load of `loading`, for which nobody waits.
    """
    world = guarded(Fairness(times=1, seconds=1e6))
    world.limits = Limits(30 if loading else 20, 30, 10)
    world.ask("c")
    await settle()
    if loading:
        world.loader.hold(loading)
        deserter = world.ask(loading)
        await settle()
        deserter.go_away()
        world.loader.terms_of["b"] = Terms(size_estimate=20)
    await one_is_young(world)
    world.ask("c")
    await settle()
    return world


async def test_who_asks_for_it_as_it_goes_is_served_by_another_load() -> None:
    """Fault planted: whether it is resident was not looked at again, and a lease was an error."""
    world = await one_may_overtake_once_more()
    before = world.state("a")

    late = world.ask("a")
    await settle()
    waited = not late.task.done() and not late.holds
    for caller in world.callers[:-1]:
        caller.release()
    await settle()

    assert (before, waited, late.holds) == ("resident", True, True)
    await end(world)


async def test_who_asks_for_a_load_as_it_is_given_up_is_served_by_another() -> None:
    """Fault planted: he joined the one that was called off, and waited for ever."""
    world = await one_may_overtake_once_more(loading="l")
    before = world.state("l")

    late = world.ask("l")
    await settle()
    world.loader.open("l")
    for caller in world.callers[:-1]:
        caller.release()
    await settle()

    assert (before, late.holds) == ("loading", True)
    await end(world)


async def test_memory_that_is_not_there_does_not_wait_for_it(world: World) -> None:
    """A budget that shrinks takes the young as well."""
    await one_is_young(world)
    world.limits = Limits(5, 5, 10, ceiling=30)

    world.residency.relieve()
    await settle()

    assert world.states() == {}


async def test_a_plan_tells_when_to_ask_again(world: World) -> None:
    """And that nobody goes until then."""
    await one_is_young(world)

    plan = await world.residency.plan("c")

    assert plan.verdict is not None
    assert getattr(plan.verdict, "again", None) == 1004.0
    assert plan.charged == 10
    assert [standing.entry.key for standing in plan.standings] == ["a"]

"""Plans say what would be done, and then that is what is done."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cache.errors import InsufficientRoom, Quarantined
from cache.events import Draining
from models.errors import ModelLoadFailed, ModelNotFound, ModelNotRegistered
from models.views.model import StandingView
from models.views.operations import LoadPlan
from tests.fakes import settle, until
from tests.fakes_serving import House, nothing
from tests.houses import house, states


def names(standings: tuple[StandingView, ...]) -> list[str]:
    return [standing.name for standing in standings]


def shown(plan: LoadPlan) -> tuple[str, list[str], list[str], list[str]]:
    return plan.decision, names(plan.victims), names(plan.blockers), names(plan.others)


async def full(**settings: Any) -> House:
    """Two models in a house with room for two; "a" goes first."""
    home = house("a", "b", "c", limit=300, **settings)
    await home.serving.start(nothing)
    for name in ("a", "b"):
        await home.serving.predict("x", name)
        home.clock.advance(60)
    return home


async def test_where_there_is_room_it_is_admitted() -> None:
    home = house("a")
    async with home.open() as serving:
        plan = await serving.plan_load("a")
        await serving.load("a")

        assert shown(plan) == ("admit", [], [], [])
        assert (plan.name, plan.needed, plan.budget, plan.charged) == ("a", 114, 800, 0)
        assert home.audience.told(Draining) == []


async def test_a_plan_does_nothing() -> None:
    home = await full()
    before = home.serving._residency.entries()

    await home.serving.plan_load("c")
    await home.serving.plan_cleanup()
    await settle()

    assert home.serving._residency.entries() == before
    assert home.loader.orders == ["a:v1", "b:v1"]
    await home.serving.aclose()


async def test_the_victims_that_are_named_are_evicted_in_that_order() -> None:
    """Planted fault: all idle ones named."""
    home = await full()
    plan = await home.serving.plan_load("c")

    await home.serving.load("c")

    assert shown(plan) == ("evict", ["a"], [], ["b"])
    assert [gone.key for gone in home.audience.told(Draining)] == ["a:v1"]
    assert plan.reason == "what is idle can make room"
    await home.serving.aclose()


async def test_two_victims_go_in_the_order_of_the_plan() -> None:
    home = await full()
    home.loader._measured["c", "v1"] = 200

    plan = await home.serving.plan_load("c")
    await home.serving.load("c")

    assert shown(plan) == ("evict", ["a", "b"], [], [])
    assert [gone.key for gone in home.audience.told(Draining)] == ["a:v1", "b:v1"]
    await home.serving.aclose()


async def test_what_blocks_is_named_with_what_holds_it() -> None:
    home = await full()
    home.loader.runners[0].gate.clear()
    home.loader.runners[1].gate.clear()
    reading = [home.begin(home.serving.predict("y", name)) for name in ("a", "b")]
    await until(lambda: all(runner.read[-1] == "y" for runner in home.loader.runners))

    plan = await home.serving.plan_load("c")
    load = home.begin(home.serving.load("c"))
    await settle()
    waits = not load.done()
    for runner in home.loader.runners:
        runner.gate.set()

    assert plan.decision == "wait"
    assert sorted(names(plan.blockers)) == ["a", "b"]
    assert {standing.held_by for standing in plan.blockers} == {"leased"}
    assert waits
    for answer in reading:
        assert (await answer).label == "a"
    assert (await load).name == "c"
    await home.serving.aclose()


async def test_behind_others_who_wait_for_room_a_plan_is_to_wait() -> None:
    """Planted fault: "admit", for it would fit, though a load queues behind the bigger one."""
    home = await full()
    home.loader._measured["c", "v1"] = 200
    home.loader.runners[0].gate.clear()
    reading = home.begin(home.serving.predict("y", "a"))
    await until(lambda: home.loader.runners[0].read[-1] == "y")
    bigger = home.begin(home.serving.load("c"))
    await settle()

    plan = await home.serving.plan_load("shipped")
    home.loader.runners[0].gate.set()
    await asyncio.gather(reading, bigger)

    assert plan.decision == "wait"
    await home.serving.aclose()


async def test_a_load_that_is_in_the_way_is_named() -> None:
    """Planted fault: only residents were, so that nothing seemed to block."""
    home = house("a", "b", max_loads=1)
    gate = home.loader.hold("a:v1")
    async with home.open() as serving:
        load = home.begin(serving.load("a"))
        await home.loader.begins("a:v1")

        plan = await serving.plan_load("b")
        gate.set()
        await load

    assert shown(plan) == ("wait", [], ["a"], [])
    assert plan.blockers[0].held_by == "loading"


async def test_what_was_loaded_a_moment_ago_is_waited_for() -> None:
    home = house("a", limit=150)
    async with home.open() as serving:
        await serving.load("shipped")
        await serving.predict("x", "shipped")

        plan = await serving.plan_load("a")

    assert shown(plan) == ("wait", [], ["shipped"], [])
    assert plan.blockers[0].held_by == "young"


async def test_what_is_there_or_loads_is_not_planned_anew() -> None:
    home = house("a")
    gate = home.loader.hold("a:v1")
    async with home.open() as serving:
        load = home.begin(serving.load("a"))
        await home.loader.begins("a:v1")
        loading = await serving.plan_load("a")
        gate.set()
        await load
        resident = await serving.plan_load("a")

    assert (loading.decision, loading.reason) == ("loading", "it is loading already")
    assert (resident.decision, names(resident.others)) == ("resident", ["a"])


async def test_what_can_never_fit_is_refused() -> None:
    home = house("a", limit=100)
    async with home.open() as serving:
        plan = await serving.plan_load("a")
        with pytest.raises(InsufficientRoom) as refused:
            await serving.load("a")

    assert plan.decision == "refuse"
    assert plan.reason in str(refused.value)


async def test_what_is_in_quarantine_says_so_until_its_time_is_over() -> None:
    """A prediction is refused; a load is the operator's word, and its plan says that it tries."""
    home = house("a")
    home.loader.error = ModelLoadFailed("damaged")
    async with home.open() as serving:
        with pytest.raises(ModelLoadFailed):
            await serving.predict("x", "a")
        plan = await serving.plan_load("a")
        view = await serving.describe("a")
        with pytest.raises(Quarantined):
            await serving.predict("x", "a")
        tried = len(home.loader.orders)
        home.clock.advance(1)
        after = await serving.plan_load("a")
        home.loader.error = None

        assert (plan.decision, after.decision, tried) == ("admit", "admit", 1)
        assert view.quarantine is not None
        assert (view.quarantine.failures, view.quarantine.error) == (1, "damaged")
        assert (await serving.predict("x", "a")).label == "a"
        assert (await serving.describe("a")).quarantine is None


async def test_a_load_ends_the_quarantine() -> None:
    home = house("a")
    home.loader.error = ModelLoadFailed("damaged")
    async with home.open() as serving:
        with pytest.raises(ModelLoadFailed):
            await serving.predict("x", "a")
        home.loader.error = None

        assert (await serving.load("a")).name == "a"
        assert (await serving.predict("x", "a")).cache_hit


@pytest.mark.parametrize(
    ("name", "error"), [("nobody", ModelNotFound), ("listed", ModelNotRegistered)]
)
async def test_what_cannot_be_loaded_cannot_be_planned(name: str, error: type[Exception]) -> None:
    home = house()
    async with home.open() as serving:
        with pytest.raises(error):
            await serving.plan_load(name)


async def test_a_plan_shows_what_the_order_follows_from() -> None:
    """The scores are those of the policy, and places count from the first to go."""
    home = await full()

    plan = await home.serving.plan_load("c")
    [a], [b] = plan.victims, plan.others

    assert [(a.name, a.place), (b.name, b.place)] == [("a", 1), ("b", 2)]
    assert a.score <= b.score
    assert (a.footprint, a.charged, a.fixed, a.held_by) == (100, 114, False, None)
    assert (await home.serving.describe("a")).standing == a
    await home.serving.aclose()


def expire(home: House) -> None:
    home.clock.advance(home.config.cache_ttl)


@pytest.mark.parametrize(
    ("spoil", "threshold", "reason", "expired", "evicted"),
    [
        (lambda _: None, 0.8, "nothing_to_do", [], []),
        (expire, 0.8, "expired", ["a", "b"], []),
        (lambda _: None, 0.4, "memory_threshold_exceeded", [], ["a"]),
    ],
    ids=["well", "too old", "too much"],
)
async def test_a_clean_up_does_what_its_plan_says(
    spoil: Callable[[House], object],
    threshold: float,
    reason: str,
    expired: list[str],
    evicted: list[str],
) -> None:
    home = await full(memory_threshold=threshold)
    spoil(home)

    plan = await home.serving.plan_cleanup()
    report = await home.serving.cleanup()

    assert (plan.reason, names(plan.expired), names(plan.evicted)) == (reason, expired, evicted)
    assert (report.reason, list(report.unloaded)) == (reason, [*expired, *evicted])
    assert plan.freed == report.freed == 100 * len(report.unloaded)
    assert names(plan.others) == [n for n in ("a", "b") if f"{n}:v1" in states(home)]
    await home.serving.aclose()


async def test_a_version_that_no_name_stands_for_is_shown_by_itself() -> None:
    home = house("mine:v1", "mine:v2", cache_ttl=10.0)
    async with home.open() as serving:
        await serving.load("mine:v1")
        await serving.load("mine")
        home.clock.advance(100)

        plan = await serving.plan_cleanup()
        report = await serving.cleanup()

    assert sorted(names(plan.expired)) == sorted(report.unloaded) == ["mine", "mine:v1"]


async def test_a_load_that_nobody_waits_for_any_more_is_a_victim() -> None:
    home = house("a", "b", max_loads=1)
    gate = home.loader.hold("a:v1")
    async with home.open() as serving:
        left = home.begin(serving.load("a"))
        await home.loader.begins("a:v1")
        busy = await serving.plan_load("b")
        left.cancel()
        await settle()
        plan = await serving.plan_load("b")
        await serving.load("b")
        gate.set()

    assert busy.decision == "wait"
    assert shown(plan) == ("evict", ["a"], [], [])
    assert [gone.key for gone in home.audience.told(Draining)][:1] == ["a:v1"]

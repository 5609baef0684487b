"""Keep-alives, refreshes, quarantine and pins, as the shell keeps them."""

import asyncio
from math import inf

import pytest

from cache.errors import InsufficientRoom, Quarantined
from cache.events import Cause, Draining, Refreshed
from cache.policy import Limits, Policy, Wait
from cache.ports import Priority, Terms
from cache.scores import gdsf
from tests.fakes import World, settle

# Keep-alives


async def lease(world: World, key: str, keep_alive: float | None = None) -> None:
    async with world.residency.lease(key, keep_alive=keep_alive):
        pass
    await settle()


async def test_what_is_to_be_kept_for_no_time_is_unloaded_after_the_last_lease(
    world: World,
) -> None:
    """Not while another holds it."""
    holder = world.ask("a")
    await settle()
    await lease(world, "a", keep_alive=0)
    during = world.state("a")

    holder.release()
    await settle()

    assert (during, world.state("a")) == ("resident", "absent")
    draining = [e for e in world.observer.events if isinstance(e, Draining)]
    assert [event.cause for event in draining] == [Cause.UNLOADED]


async def test_a_pin_goes_further_than_that(world: World) -> None:
    """And when it is unpinned the next sweep takes it."""
    world.residency.pin("a", pinned=True)
    await lease(world, "a", keep_alive=0)
    pinned = world.state("a")

    world.residency.pin("a", pinned=False)
    sweep = await world.residency.sweep()

    assert pinned == "resident"
    assert sweep.expired == ("a",)


async def test_one_that_nobody_has_said_a_word_about_keeps_what_holds(world: World) -> None:
    """A lease without a keep-alive changes nothing."""
    await lease(world, "a", keep_alive=5)
    await lease(world, "a")

    assert world.residency.next_expiry() == 1005.0


async def test_one_kept_for_ever_never_expires(world: World) -> None:
    """Whatever its TTL."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=1)
    await lease(world, "a", keep_alive=inf)
    world.clock.advance(1e6)

    assert world.residency.next_expiry() is None
    assert (await world.residency.sweep()).expired == ()


async def test_what_expires_does_not_age_the_others() -> None:
    """Fault planted: the ageing clock showed the score of whatever left, not of victims alone."""
    world = World(policy=Policy(gdsf))
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=5)
    world.loader.hold("a")
    caller = world.ask("a")
    await settle()
    world.clock.advance(1)
    world.loader.open("a")
    caller.release()
    await settle()
    world.clock.advance(5)

    expired = (await world.residency.sweep()).expired
    await world.have("b")

    assert expired == ("a",)
    assert [(e.key, e.floor) for e in world.residency.entries()] == [("b", 0.0)]


# Refreshes


async def test_what_is_in_use_is_due_before_it_expires_and_does_not_meanwhile(
    world: World,
) -> None:
    """Once; and it counts as new when it was found in order."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=100)
    await lease(world, "a")
    await lease(world, "a")
    due_at = world.residency.next_refresh()
    world.clock.advance(90)

    due = [world.residency.begin_refreshes() for _ in range(2)]
    world.clock.advance(20)
    swept = await world.residency.sweep()
    world.residency.refreshed("a")

    assert due_at == 1090.0
    assert due == [("a",), ()]
    assert swept.expired == ()
    assert world.residency.next_expiry() == 1210.0
    assert world.observer.events[-1] == Refreshed("a", 1110.0)


async def test_what_was_merely_kept_is_not_told_as_refreshed(world: World) -> None:
    """There was no room to look at it."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=100)
    await lease(world, "a")
    world.clock.advance(95)

    world.residency.refreshed("a", in_order=False)

    assert world.residency.next_expiry() == 1195.0
    assert not isinstance(world.observer.events[-1], Refreshed)


async def test_nobody_has_asked_since_the_refresh_so_it_expires(world: World) -> None:
    """In use is what was asked for since."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=100)
    await lease(world, "a")
    await lease(world, "a")

    world.residency.refreshed("a")

    assert world.residency.next_refresh() is None


async def test_one_that_has_left_is_not_refreshed(world: World) -> None:
    """It went while somebody looked at it."""
    world.residency.refreshed("a")

    assert world.observer.events == []


async def test_one_that_is_replaced_leaves_with_that_cause(world: World) -> None:
    """Once its leases have ended; one that is gone stays gone."""
    holder = world.ask("a")
    await settle()

    world.residency.retire("a", Cause.REPLACED)
    world.residency.retire("a", Cause.REPLACED)
    state = world.state("a")
    holder.release()
    await settle()

    assert (state, world.state("a")) == ("draining", "absent")


# Quarantine


async def fail(world: World) -> None:
    caller = world.ask("a")
    await settle()
    assert isinstance(caller.error, OSError)


async def test_a_key_that_failed_is_left_alone_longer_each_time(world: World) -> None:
    """Nobody loads it until then, and the error says when to come again."""
    world.loader.fail("a", OSError("broken"))
    await fail(world)
    world.clock.advance(1)
    await fail(world)

    caller = world.ask("a")
    await settle()

    assert isinstance(caller.error, Quarantined)
    assert caller.error.retry_after == 2.0
    assert world.loader.begun == ["a", "a"]


async def test_one_who_asks_for_it_is_told_at_once_though_others_wait(world: World) -> None:
    """Fault planted: it was looked at when his turn for room came, and not before."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.loader.fail("a", OSError("broken"))
    await fail(world)
    world.ask("b")
    await settle()
    big = world.ask("big")
    await settle()

    caller = world.ask("a")
    await settle()

    assert not big.task.done()
    assert isinstance(caller.error, Quarantined)


@pytest.mark.parametrize("how", ["success", "forgiven"])
async def test_success_or_forgiveness_ends_it(world: World, how: str) -> None:
    """The next failure is the first again."""
    world.loader.fail("a", OSError("broken"))
    await fail(world)
    if how == "success":
        world.clock.advance(1)
        world.loader.open("a")
        await lease(world, "a")
    else:
        world.residency.forgive("a")

    assert world.residency.suspension("a") is None


async def test_what_was_called_off_or_had_no_room_is_not_held_against_it(world: World) -> None:
    """Neither was its fault."""
    world.loader.terms_of["big"] = Terms(size_estimate=31)
    world.loader.hold("a")
    callers = [world.ask("a"), world.ask("big")]
    await settle()
    for caller in callers:
        caller.go_away()
    await settle()

    await world.residency.aclose()

    assert world.residency.suspension("a") is None
    assert world.residency.suspension("big") is None


# Pins


async def test_a_pin_before_the_load_holds_from_its_landing_on(world: World) -> None:
    """And for the next load as well; it is the operator's wish, not a state."""
    world.residency.pin("a", pinned=True)
    before = world.residency.is_pinned("a")
    await lease(world, "a")
    after = world.residency.is_pinned("a")
    await world.residency.unload("a")
    await lease(world, "a")

    assert (before, after, world.residency.is_pinned("a")) == (True, True, True)


@pytest.mark.parametrize("pinned", [True, False])
async def test_a_pin_while_the_load_waits_for_room_is_not_lost(world: World, pinned: bool) -> None:
    """Fault found: what had been so when the load was asked for was taken."""
    world.loader.terms_of["d"] = Terms(size_estimate=10, pinned=not pinned)
    holders = [world.ask(key) for key in ("a", "b", "c")]
    await settle()
    caller = world.ask("d")
    await settle()

    world.residency.pin("d", pinned=pinned)
    holders[0].release()
    await settle()

    assert caller.holds
    assert world.residency.is_pinned("d") is pinned


# What it would come to


async def test_who_waits_behind_a_load_that_turns_out_to_be_pinned_is_refused_at_once(
    world: World,
) -> None:
    """Fault planted: nobody looked at the queue again, and he waited in vain."""
    for key in ("b", "c"):
        world.loader.terms_of[key] = Terms(size_estimate=20)
    world.loader.terms_of["a"] = Terms(size_estimate=30)
    holder = world.ask("a")
    await settle()
    world.loader.hold("b")
    world.ask("b")
    second = world.ask("c")
    await settle()
    world.residency.pin("b", pinned=True)

    holder.release()
    await settle()

    assert world.state("b") == "loading"
    assert isinstance(second.error, InsufficientRoom)


async def test_a_plan_for_what_is_absent_says_who_would_go(world: World) -> None:
    """And nothing is done."""
    await world.have("a", "b", "c")

    plan = await world.residency.plan("d")

    assert plan.verdict == Wait(victims=("a",))
    assert plan.terms == Terms(size_estimate=10)
    assert [(s.entry.key, s.place) for s in plan.standings] == [("a", 1), ("b", 2), ("c", 3)]
    assert set(world.states()) == {"a", "b", "c"}


async def test_a_plan_for_what_is_there_has_no_verdict(world: World) -> None:
    """Nothing would have to be decided."""
    await world.have("a")
    world.residency.pin("a", pinned=True)

    plan = await world.residency.plan("a")

    assert plan.verdict is None
    assert plan.terms.pinned


async def test_a_low_budget_makes_a_newcomer_wait_until_it_has_grown(world: World) -> None:
    """He is not refused what may come back."""
    world.limits = Limits(5, 5, 10, ceiling=30)
    caller = world.ask("a")
    await settle()
    waited = caller.error is None and not caller.holds

    world.limits = Limits(30, 30, 10, ceiling=30)
    world.residency.relieve()
    await settle()

    assert waited
    assert caller.holds


async def test_a_device_that_shrinks_is_relieved_of_what_is_on_it(world: World) -> None:
    """What is on the host stays."""
    on_gpu = Terms(size_estimate=10, device="cuda:0", device_estimate=4)
    world.loader.terms_of["a"] = on_gpu
    world.limits = Limits(30, 30, 10, devices={"cuda:0": 4})
    await world.have("a", "b")

    world.limits = Limits(30, 30, 10, devices={"cuda:0": 3})
    world.residency.relieve()
    await asyncio.sleep(0)
    await settle()

    assert world.states() == {"b": "resident"}


async def test_classes_follow_usage_with_each_sweep(world: World) -> None:
    """The most lately used third is high."""
    world.limits = Limits(300, 300, 20)
    await world.have(*"abcdefghijkl")

    await world.residency.sweep()

    classes = [entry.priority for entry in world.residency.entries()]
    assert classes[:3] == [Priority.LOW] * 3
    assert classes[-3:] == [Priority.HIGH] * 3

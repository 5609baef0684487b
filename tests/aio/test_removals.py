"""Unloading, pins, and what a sweep removes."""

import asyncio

from cache.policy import Limits
from cache.ports import Terms
from cache.prospects import Sweep
from tests.fakes import World, settle


async def test_unloading_frees_the_bytes_and_can_be_asked_again(world: World) -> None:
    """Once it is absent there is nothing to do, and that is no error."""
    await world.have("a")

    freed = [await world.residency.unload("a") for _ in range(2)]

    assert freed == [10, 0]
    assert not world.loader.alive


async def test_two_who_unload_at_once_are_told_the_same(world: World) -> None:
    """The second joins the departure under way."""
    await world.have("a")

    freed = await asyncio.gather(*(world.residency.unload("a") for _ in range(2)))

    assert freed == [10, 10]


async def test_unloading_waits_for_the_last_lease(world: World) -> None:
    """Fault planted: `_drain` unloaded at once, under the holder's hands."""
    holders = [world.ask("a"), world.ask("a")]
    await settle()
    unloading = asyncio.create_task(world.residency.unload("a"))
    await settle()

    holders[0].release()
    await settle()
    still = (unloading.done(), world.loader.newest("a").closed)
    holders[1].release()

    assert await asyncio.wait_for(unloading, 1) == 10
    assert still == (False, False)


async def test_unloading_what_is_loading_waits_for_it(world: World) -> None:
    """Those who waited for the load are served first."""
    world.loader.hold("a")
    caller = world.ask("a")
    await settle()
    unloading = asyncio.create_task(world.residency.unload("a"))
    await settle()

    world.loader.open("a")
    await settle()
    state, held = world.state("a"), caller.holds
    caller.release()

    assert await asyncio.wait_for(unloading, 1) == 10
    assert (state, held) == ("draining", True)


async def test_unloading_what_is_queued_and_called_off_ends_with_it(world: World) -> None:
    """Nothing was loaded, so nothing is freed."""
    world.ask("a")
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    await settle()
    caller = world.ask("big")
    await settle()
    unloading = asyncio.create_task(world.residency.unload("big"))
    await settle()

    caller.go_away()

    assert await asyncio.wait_for(unloading, 1) == 0


async def test_unloading_goes_on_when_the_one_who_asked_goes_away(world: World) -> None:
    """Nor does his going away disturb others who wait for it."""
    await world.have("a")
    world.loader.hold("a", "close")
    first, second = (asyncio.create_task(world.residency.unload("a")) for _ in range(2))
    await settle()

    first.cancel()
    await settle()
    world.loader.open("a", "close")

    assert await asyncio.wait_for(second, 1) == 10


async def test_what_drains_gives_no_new_leases(world: World) -> None:
    """Who asks meanwhile is served by a new load, after the old resident is gone."""
    holder = world.ask("a")
    await settle()
    unloading = asyncio.create_task(world.residency.unload("a"))
    await settle()

    newcomer = world.ask("a")
    await settle()
    early = newcomer.holds
    holder.release()
    await settle()

    assert unloading.done()
    assert not early
    assert newcomer.holds
    assert world.loader.most_at_once["a"] == 1


async def test_what_is_pinned_is_never_evicted_until_it_is_unpinned(world: World) -> None:
    """Fault planted: `hold` did not look at the pin. Unpinning wakes who waits for room."""
    world.loader.terms_of["big"] = Terms(size_estimate=20)
    await world.have("a")
    world.residency.pin("a", pinned=True)
    holders = [world.ask("b"), world.ask("c")]
    await settle()
    newcomer = world.ask("d")
    await settle()

    state = world.state("a")
    world.residency.pin("a", pinned=False)
    await settle()

    assert state == "resident"
    assert newcomer.holds
    assert set(world.states()) == {"b", "c", "d"}
    assert all(holder.holds for holder in holders)


async def test_a_pin_does_not_keep_what_is_unloaded(world: World) -> None:
    """Unloading is asked for by name."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, pinned=True)
    await world.have("a")

    assert await world.residency.unload("a") == 10


async def test_a_sweep_removes_what_is_expired(world: World) -> None:
    """And returns when its memory is free."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=60)
    await world.have("a", "b")
    expiry = world.residency.next_expiry()
    world.clock.advance(60)

    sweep = await world.residency.sweep()

    assert expiry == 1060.0
    assert sweep == Sweep(expired=("a",), evicted=(), freed=10)
    assert world.states() == {"b": "resident"}


async def test_a_sweep_evicts_down_to_the_comfort_mark(world: World) -> None:
    """What expired counts as gone, so nobody leaves for the same bytes."""
    world.loader.terms_of["c"] = Terms(size_estimate=10, ttl=1)
    await world.have("a", "b", "c")
    world.limits = Limits(budget=30, comfort=10, max_entries=10)

    sweep = await world.residency.sweep()

    assert sweep == Sweep(expired=("c",), evicted=("a",), freed=20)


async def test_a_sweep_repairs_what_has_grown(world: World) -> None:
    """Measured anew, the book is above the mark, and an idle one goes."""
    await world.have("a", "b", "c")
    world.loader.newest("c").weighs = 25

    sweep = await world.residency.sweep()

    assert sweep.evicted == ("a", "b")
    assert world.residency.totals().resident == 25


async def test_a_sweep_wakes_who_waits_when_the_budget_has_grown(world: World) -> None:
    """The limits are the shell's to ask for; nobody else tells the queue that they moved."""
    [world.ask(key) for key in ("a", "b", "c")]
    await settle()
    caller = world.ask("d")
    await settle()
    world.limits = Limits(budget=40, comfort=40, max_entries=10)

    await world.residency.sweep()
    await settle()

    assert caller.holds


async def test_a_sweep_wakes_who_waits_though_nothing_is_in_memory(world: World) -> None:
    """Fault planted: only what was measured anew made anybody look at the queue again."""
    world.limits = Limits(budget=5, comfort=5, max_entries=10, ceiling=30)
    caller = world.ask("a")
    await settle()
    waited = not caller.task.done()

    world.limits = Limits(budget=30, comfort=30, max_entries=10)
    await world.residency.sweep()
    await settle()

    assert waited
    assert caller.holds


async def test_bytes_found_to_be_free_are_not_kept_back_until_the_sweep_is_over(
    world: World,
) -> None:
    """Fault planted: who waited was let in only when all the others had been measured."""
    world.loader.terms_of["d"] = Terms(size_estimate=5)
    for key in ("a", "b", "c", "d"):
        world.ask(key)
        await settle()
    waited = not world.callers[-1].holds
    world.loader.newest("a").weighs = 4
    world.loader.hold("b", "measure")

    sweep = asyncio.create_task(world.residency.sweep())
    await settle()
    early = world.callers[-1].holds
    world.loader.open("b", "measure")
    await sweep

    assert waited
    assert early


async def test_what_is_loaded_while_a_sweep_measures_is_judged_with_the_rest(
    world: World,
) -> None:
    """A sweep decides on the book as it stands when all is measured."""
    await world.have("a", "b")
    world.limits = Limits(budget=30, comfort=20, max_entries=10)
    world.loader.hold("a", "measure")
    sweeping = asyncio.create_task(world.residency.sweep())
    caller = world.ask("c")
    await settle()

    world.loader.open("a", "measure")
    sweep = await sweeping

    assert caller.holds
    assert sweep.evicted == ("a",)


async def test_a_measurement_corrects_what_is_charged(world: World) -> None:
    """Room that turns out to be free goes to who waits for it."""
    holders = [world.ask(key) for key in ("a", "b", "c")]
    await settle()
    caller = world.ask("d")
    await settle()
    world.loader.newest("a").weighs = 0

    await world.residency.measure("a")
    await settle()

    assert caller.holds
    assert all(holder.holds for holder in holders)


async def test_measuring_what_is_absent_or_leaving_changes_nothing(world: World) -> None:
    """It may have been told to go while it was measured."""
    await world.have("a")
    world.loader.newest("a").weighs = 25
    world.loader.hold("a", "measure")
    world.loader.hold("a", "close")
    measuring = asyncio.create_task(world.residency.measure("a"))
    unloading = asyncio.create_task(world.residency.unload("a"))
    await settle()

    world.loader.open("a", "measure")
    await measuring
    await world.residency.measure("b")
    world.loader.open("a", "close")

    assert await unloading == 10


async def test_a_measurement_of_one_that_has_left_says_nothing_of_its_successor(
    world: World,
) -> None:
    """Fault planted: what was measured of the old one was charged to the new one."""
    await world.have("a")
    world.loader.newest("a").weighs = 3
    world.loader.hold("a", "measure")
    measuring = asyncio.create_task(world.residency.measure("a"))
    await settle()
    await world.residency.unload("a")
    await world.have("a")

    world.loader.open("a", "measure")
    await measuring

    entry = world.residency.entry("a")
    assert entry is not None
    assert entry.footprint == 10


async def test_what_outgrew_the_budget_is_evicted_as_soon_as_it_is_measured(world: World) -> None:
    """Not at the next sweep; fault planted: `measure` corrected the book and left it at that."""
    await world.have("a", "b", "c")
    world.loader.newest("c").weighs = 15

    await world.residency.measure("c")

    assert world.state("a") == "draining"


async def test_a_load_that_weighs_more_than_was_reserved_makes_its_own_room(world: World) -> None:
    """Fault planted: the book stayed above the budget until something else was measured."""
    await world.have("a", "b")
    world.loader.footprints["c"] = 15

    await world.have("c")

    assert world.state("a") == "draining"
    assert world.state("c") == "resident"

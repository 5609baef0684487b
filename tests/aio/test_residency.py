"""Leases, loads, removals and the end, each with the gates in the test's hand."""

import asyncio

import pytest

from cache.errors import CacheClosed, InsufficientRoom, TooManyWaiting
from cache.events import Cause, LoadFailed, LoadFinished, LoadStarted, Outcome, Removed
from cache.policy import Limits
from cache.ports import Terms
from cache.residency import Sweep
from tests.fakes import World, settle, until

# Leases


async def test_the_first_to_ask_misses_and_the_next_hits(world: World) -> None:
    """A load is waited for once; after that the resident is there."""
    async with world.residency.lease("a") as first:
        pass
    async with world.residency.lease("a") as second:
        pass

    assert (first.outcome, second.outcome) == (Outcome.MISS, Outcome.HIT)
    assert first.resident is second.resident
    assert world.loader.begun == ["a"]


async def test_fifty_who_ask_at_once_cause_one_load(world: World) -> None:
    """Fault planted: `_acquire` looked for no flight under way, and each began a load."""
    world.loader.hold("a")
    callers = [world.ask("a") for _ in range(50)]
    await settle()

    world.loader.open("a")
    await settle()

    outcomes = [caller.lease.outcome for caller in callers if caller.lease is not None]
    assert outcomes == [Outcome.MISS] + [Outcome.JOIN] * 49
    assert world.loader.begun == ["a"]


async def test_a_lease_lasts_as_long_as_its_context(world: World) -> None:
    """It is counted, and it ends also when the holder raises."""
    during: list[int] = []

    async def hold() -> None:
        async with world.residency.lease("a"):
            during.append(world.residency.entries()[0].leases)
            raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        await hold()

    after = world.residency.entry("a")
    assert after is not None
    assert (during, after.leases, after.uses) == ([1], 0, 1)


async def test_what_is_leased_is_never_evicted(world: World) -> None:
    """Fault planted: `evictable` did not look at the leases. The newcomer waits instead."""
    holders = [world.ask(key) for key in ("a", "b", "c")]
    await settle()

    newcomer = world.ask("d")
    await settle()
    waited = not newcomer.holds
    holders[1].release()
    await settle()

    assert waited
    assert newcomer.holds
    assert set(world.states()) == {"a", "c", "d"}


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


# Callers who go away


async def test_the_first_caller_goes_away_and_the_others_are_served(world: World) -> None:
    """Fault planted: a caller who was cancelled called the load off, whoever else waited."""
    world.loader.hold("a", "terms")
    first, second = world.ask("a"), world.ask("a")
    await settle()

    first.go_away()
    await settle()
    world.loader.open("a", "terms")
    await settle()

    assert second.holds
    assert world.residency.entries()[0].leases == 1


async def test_a_load_that_has_begun_goes_on_for_nobody(world: World) -> None:
    """Its room is reserved and its work half done: whoever asks next has a hit."""
    world.loader.hold("a")
    caller = world.ask("a")
    await settle()

    caller.go_away()
    await settle()
    world.loader.open("a")
    await settle()

    assert world.states() == {"a": "resident"}
    assert world.residency.entries()[0].leases == 0


async def test_a_caller_who_goes_away_as_the_load_lands_gives_his_lease_back(
    world: World,
) -> None:
    """Fault planted: what was handed to him was not given back, and stayed leased for ever."""
    world.loader.hold("a")
    caller = world.ask("a")
    await settle()
    world.loader.open("a")
    await until(lambda: world.state("a") == "resident")
    handed = world.residency.entries()[0].leases

    caller.go_away()
    await settle()

    assert caller.lease is None
    assert (handed, world.residency.entries()[0].leases) == (1, 0)


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
    world.loader.hold("d", "terms")
    caller = world.ask("d")
    await settle()

    caller.go_away()
    await settle()
    world.loader.open("d", "terms")
    await settle()

    assert world.states() == dict.fromkeys(("a", "b", "c"), "resident")


async def test_two_who_go_away_together_do_not_call_off_the_load_of_a_third(
    world: World,
) -> None:
    """Only the flight that one waited for is called off, not a newer one of the same key."""
    world.loader.hold("a", "terms")
    first, second = world.ask("a"), world.ask("a")
    await settle()

    first.go_away()
    third = world.ask("a")
    second.go_away()
    await settle()
    world.loader.open("a", "terms")
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
    world.loader.hold("a", "close")
    holders[0].release()
    await settle()
    world.observer.events.clear()

    world.loader.open("a", "close")
    await until(lambda: world.state("d") == "loading")
    await world.residency.aclose()

    assert ("LoadStarted", "d") not in world.observer.told()


# Loads that fail


@pytest.mark.parametrize("stage", ["terms", "load"])
async def test_all_who_wait_are_told_of_a_failure_and_the_next_tries_anew(
    world: World, stage: str
) -> None:
    """The cache is as it was; nobody retried on his own."""
    error = OSError("no such file")
    world.loader.hold("a")
    world.loader.hold("a", "terms")
    callers = [world.ask("a") for _ in range(3)]
    await settle()

    if stage == "terms":
        world.loader.terms_errors["a"] = error
    world.loader.open("a", "terms")
    world.loader.fail("a", error)
    await settle()
    state = world.state("a")
    world.loader.terms_errors.clear()
    world.loader.open("a")
    again = world.ask("a")
    await settle()

    assert [caller.error for caller in callers] == [error] * 3
    assert state == "absent"
    assert again.holds


async def test_room_of_a_failed_load_goes_to_the_next_in_the_queue(world: World) -> None:
    """Fault planted: the reservation was not given up when the loader raised."""
    world.loader.terms_of["big"] = Terms(size_estimate=30)
    world.loader.hold("big")
    world.ask("big")
    await settle()
    caller = world.ask("a")
    await settle()

    world.loader.fail("big", OSError("broken"))
    await settle()

    assert caller.holds
    assert world.residency.totals().charged == 10


# Unloading


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


# Residents that end by themselves


async def test_a_resident_that_dies_is_dropped_and_loaded_anew(world: World) -> None:
    """Fault planted: nobody watched it, and the next caller was given a dead one."""
    await world.have("a")

    world.loader.newest("a").die()
    await settle()
    state = world.state("a")
    caller = world.ask("a")
    await settle()

    assert state == "absent"
    assert caller.lease is not None
    assert caller.lease.outcome is Outcome.MISS
    assert caller.lease.resident.alive


async def test_a_resident_that_dies_under_a_lease_leaves_when_it_ends(world: World) -> None:
    """The holder may look at it until then; nobody else is given it."""
    holder = world.ask("a")
    await settle()

    world.loader.newest("a").die()
    await settle()
    state = world.state("a")
    holder.release()
    await settle()

    assert (state, world.state("a")) == ("draining", "absent")
    removed = world.observer.events[-1]
    assert isinstance(removed, Removed)
    assert removed.cause is Cause.FAILED


async def test_a_resident_that_dies_while_it_drains_keeps_its_cause(world: World) -> None:
    """It was told to go before, and goes once."""
    holder = world.ask("a")
    await settle()
    unloading = asyncio.create_task(world.residency.unload("a"))
    await settle()

    world.loader.newest("a").die()
    await settle()
    holder.release()
    await unloading

    removals = [event for event in world.observer.events if isinstance(event, Removed)]
    assert [removal.cause for removal in removals] == [Cause.UNLOADED]


async def test_discarding_removes_what_is_broken(world: World) -> None:
    """The holder found out, and says so while he still holds it."""
    async with world.residency.lease("a") as lease:
        world.residency.discard(lease)
        state = world.state("a")
    await settle()

    assert (state, world.state("a")) == ("draining", "absent")


async def test_discarding_late_spares_a_newer_resident(world: World) -> None:
    """Fault planted: `discard` went by the key alone."""
    async with world.residency.lease("a") as old:
        pass
    await world.residency.unload("a")
    await world.have("a")

    world.residency.discard(old)
    await settle()

    assert world.state("a") == "resident"


# Pins


async def test_what_is_pinned_is_never_evicted_until_it_is_unpinned(world: World) -> None:
    """Fault planted: `evictable` did not look at the pin. Unpinning wakes who waits for room."""
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


# Sweeping


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


# What others see


async def test_observers_are_told_of_every_step_in_order(world: World) -> None:
    """`seconds` of a load leave out the wait for room; times are those of the clock."""
    world.loader.hold("a")
    world.loader.footprints["a"] = 8
    caller = world.ask("a")
    await settle()

    world.clock.advance(3)
    world.loader.open("a")
    await settle()
    caller.release()
    await world.residency.unload("a")

    assert world.observer.events == [
        LoadStarted("a", at=1000.0, reserved=10),
        LoadFinished("a", at=1003.0, seconds=3.0, footprint=8),
        Removed("a", at=1003.0, cause=Cause.UNLOADED, freed=8),
    ]


async def test_observers_are_told_of_a_failure(world: World) -> None:
    """With the words of the error."""
    world.loader.fail("a", OSError("no such file"))
    caller = world.ask("a")
    await settle()

    assert caller.error is not None
    assert world.observer.events[1:] == [LoadFailed("a", at=1000.0, error="no such file")]


async def test_a_failure_without_words_is_told_by_its_name(world: World) -> None:
    """A blank is no reason."""
    world.loader.fail("a", TimeoutError())
    world.ask("a")
    await settle()

    assert world.observer.events[1:] == [LoadFailed("a", at=1000.0, error="TimeoutError")]


async def test_the_book_can_be_read_without_a_lease(world: World) -> None:
    """Looking changes neither use nor rank."""
    await world.have("a")
    before = world.residency.entries()

    live = world.residency.resident("a")

    assert live is world.loader.newest("a")
    assert world.residency.residents() == (live,)
    assert world.residency.resident("b") is None
    assert (world.residency.is_resident("a"), world.residency.is_resident("b")) == (True, False)
    assert world.residency.entries() == before


# The end


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

"""Callers who go away take only their own wait with them."""

import asyncio

from cache.errors import InsufficientRoom
from cache.events import Outcome
from tests.fakes import World, settle, until


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


async def test_one_who_goes_away_before_the_load_lands_is_handed_nothing(world: World) -> None:
    """Fault planted: all who had ever waited were counted, and it stayed leased for ever."""
    world.loader.hold("a")
    first, second = world.ask("a"), world.ask("a")
    await settle()

    world.loader.open("a")
    first.go_away()
    await settle()

    assert second.holds
    assert world.residency.entries()[0].leases == 1


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


async def test_a_load_called_off_leaves_the_next_one_to_be_joined(world: World) -> None:
    """Fault planted: the end of the former flight struck the newer one of its key off."""
    world.loader.hold("a", "terms")
    first = world.ask("a")
    await settle()
    first.go_away()
    second = world.ask("a")
    await settle()

    third = world.ask("a")
    await settle()
    world.loader.open("a", "terms")
    await settle()

    assert second.lease is not None
    assert third.lease is not None
    assert (second.lease.outcome, third.lease.outcome) == (Outcome.MISS, Outcome.JOIN)


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

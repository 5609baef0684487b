"""A lease: had at once, by joining a load or by starting one, and held until it ends."""

import pytest

from cache.events import Outcome
from tests.fakes import World, settle


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
    assert (during, after.leases, after.frequency) == ([1], 0, 1.0)


async def test_what_is_leased_is_never_evicted(world: World) -> None:
    """Fault planted: `hold` did not look at the leases. The newcomer waits instead."""
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

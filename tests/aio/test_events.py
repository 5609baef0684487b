"""What observers are told, and what can be read without a lease."""

from cache.events import Cause, Draining, LoadFailed, LoadFinished, LoadStarted, Removed
from cache.ports import Priority
from tests.fakes import World, settle


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
    await settle()
    world.clock.advance(1)
    await world.residency.unload("a")

    assert world.observer.events == [
        LoadStarted("a", at=1000.0, reserved=10),
        LoadFinished("a", at=1003.0, seconds=3.0, footprint=8),
        Draining("a", 1004.0, Cause.UNLOADED, None, Priority.MEDIUM, score=1003.0, idle=1.0),
        Removed("a", at=1004.0, cause=Cause.UNLOADED, freed=8),
    ]


async def test_observers_are_told_of_a_failure(world: World) -> None:
    """With the words of the error, and for how long the key is left alone."""
    world.loader.fail("a", OSError("no such file"))
    caller = world.ask("a")
    await settle()

    assert caller.error is not None
    assert world.observer.events[1:] == [
        LoadFailed("a", at=1000.0, error="no such file", quarantine=1.0)
    ]


async def test_a_failure_without_words_is_told_by_its_name(world: World) -> None:
    """A blank is no reason."""
    world.loader.fail("a", TimeoutError())
    world.ask("a")
    await settle()

    assert world.observer.events[1:] == [
        LoadFailed("a", at=1000.0, error="TimeoutError", quarantine=1.0)
    ]


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

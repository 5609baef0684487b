from collections.abc import AsyncIterator

import pytest

from tests.fakes import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A cache on fakes, that must be empty and sound when the test is over."""
    world = World()
    yield world
    for caller in world.callers:
        caller.go_away()
    await world.residency.aclose()
    assert world.residency.fault is None
    assert world.states() == {}

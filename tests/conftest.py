from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import settings

from tests.fakes import World

settings.register_profile("unhurried", deadline=None)  # machines differ, and are shared
settings.load_profile("unhurried")

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def show(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Take a measured figure, to be printed below the results."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("measured")
    for figure in figures:
        terminalreporter.write_line(figure)


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

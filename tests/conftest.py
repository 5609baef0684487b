import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from hypothesis import settings

from tests.fakes import World

settings.register_profile("unhurried", deadline=None)  # machines differ, and are shared
settings.load_profile("unhurried")

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(autouse=True)
def _logging_stays_on() -> Iterator[None]:
    """What quantises turns it off for its whole process, which is a child of its own but here."""
    yield
    logging.disable(logging.NOTSET)


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

"""The collector is tuned when the service starts, and once more when it is ready."""

import contextlib
import gc
import logging
from collections.abc import Iterator

import pytest

from api.app import create_app
from api.lifecycle import GC_THRESHOLD, tuned_garbage_collector
from api.logs import PACKAGES
from api.settings import Settings
from tests.fakes import settle
from tests.fakes_api import FakeUseCases, opened


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    threshold, levels = gc.get_threshold(), [logging.getLogger(p).level for p in PACKAGES]
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    for package, level in zip(PACKAGES, levels, strict=True):
        logging.getLogger(package).setLevel(level)


def is_looked_at(kept: list[object]) -> bool:
    """Whether the collector still goes through an object."""
    return any(one is kept for one in gc.get_objects())


async def test_what_startup_made_is_left_alone() -> None:
    """Planted fault: no freeze before readiness."""
    made: list[object] = []
    async with tuned_garbage_collector(lambda: False):
        assert not is_looked_at(made)
        assert gc.get_threshold() == GC_THRESHOLD


async def test_what_preloading_made_is_left_alone_once_ready_and_nothing_after_that() -> None:
    """Planted faults: no second freeze; a freeze at every look; one before readiness."""
    ready = False
    async with tuned_garbage_collector(lambda: ready, look_every=0.0):
        preloaded: list[object] = []
        await settle()
        before = is_looked_at(preloaded)
        ready = True
        await settle()
        after = is_looked_at(preloaded)
        later: list[object] = []
        await settle()

        assert (before, after, is_looked_at(later)) == (True, False, True)


async def test_cycles_of_startup_are_freed_before_the_rest_is_kept() -> None:
    """Else they would stay for ever. Planted fault: frozen without a collection."""
    freed: list[str] = []

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            freed.append("freed")

    Cycle()
    async with tuned_garbage_collector(lambda: False):
        assert freed == ["freed"]


@pytest.mark.parametrize("hosted", [True, False])
async def test_only_a_process_of_the_server_s_own_is_tuned(*, hosted: bool) -> None:
    """Planted fault: every app tunes, so that tests of others are slowed."""
    app = create_app(
        Settings(), lambda _config, observe: opened(FakeUseCases(), observe), hosted=hosted
    )
    async with contextlib.AsyncExitStack() as running:
        await running.enter_async_context(app.router.lifespan_context(app))

        assert (gc.get_threshold() == GC_THRESHOLD) is hosted

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.forkserver import ForkServer
from models.runner import Runner
from tests import tiny
from tests.process.processes import LONG


@pytest.fixture
async def forkserver() -> AsyncIterator[ForkServer]:
    forkserver = await ForkServer.start()
    yield forkserver
    await forkserver.aclose()


@pytest.fixture
async def runner(forkserver: ForkServer, tmp_path: Path) -> AsyncIterator[Runner]:
    """With a model that never answers a text with the word "forever"."""
    order = tiny.order(tiny.write_looping_model(tmp_path / "looping"))
    runner = await Runner.start(forkserver, order, timeout=LONG)
    yield runner
    runner._child.kill()
    await runner.close()

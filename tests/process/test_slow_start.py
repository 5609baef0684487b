"""The first model of an engine starts its fork server, within the deadline of the load."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models import forkserver as forkservers
from models.catalogue import load_catalogue
from models.clock import SystemClock
from models.config import ServingConfig
from models.directory import Directory
from models.errors import ModelLoadFailed
from models.forkserver import ForkServer
from models.integrity import file_digest
from models.loader import ModelLoader
from models.store import ModelStore
from tests import slow_engine, tiny
from tests.contract.stores import card
from tests.process.processes import LONG, children, until

pytestmark = pytest.mark.process


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Closed."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    monkeypatch.setenv(slow_engine.GATE, str(path))
    monkeypatch.setitem(forkservers._ENGINES, "pytorch", slow_engine.__name__)
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def loader(forkserver: ForkServer, tmp_path: Path) -> ModelLoader:
    """Has the model "mine", which is for the slow engine."""
    store = ModelStore(tmp_path / "home" / "models")
    with store.staging() as staging:
        entry = shutil.copytree(tiny.write_model(tmp_path / "tiny"), staging / "entry")
        digests = {file.name: file_digest(file) for file in entry.iterdir()}
        plain = card("mine", "1", digests)
        store.add(entry, replace(plain, engine="pytorch", labels=tiny.LABELS, max_length=16))
    directory = Directory(load_catalogue(), store, SystemClock())
    return ModelLoader(directory, store, forkserver, ServingConfig(load_timeout=0.5))


def open_gate(gate: Path) -> None:
    """For who comes."""
    gate.unlink()


def let_through(gate: Path) -> None:
    """Who waits, or is on his way, too."""
    with gate.open("wb"):
        gate.unlink()


async def test_a_fork_server_that_takes_too_long_to_start_fails_the_load_and_is_gone(
    loader: ModelLoader, gate: Path
) -> None:
    """Fault found: its start had no deadline at all."""
    async with asyncio.timeout(LONG):
        with pytest.raises(ModelLoadFailed, match=r"loading timed out after 0\.5 s"):
            await loader.load("mine")

    assert children() == [loader.forkserver.pid]
    assert not loader.forkserver.has("pytorch")


async def test_the_next_load_starts_it_anew(loader: ModelLoader, gate: Path) -> None:
    """Planted fault: it was remembered although it had been ended."""
    async with asyncio.timeout(LONG):
        with pytest.raises(ModelLoadFailed, match="timed out"):
            await loader.load("mine")
    open_gate(gate)
    loader.config = replace(loader.config, load_timeout=LONG)

    live = await loader.load("mine")

    assert loader.forkserver.has("pytorch")
    assert len(children()) == 2
    await live.close()


async def test_each_who_waits_for_it_has_a_deadline_of_his_own(
    loader: ModelLoader, gate: Path
) -> None:
    """Who came second is not held up by the lock of the first, who has more patience."""
    patient = replace(loader, config=replace(loader.config, load_timeout=LONG))
    first = asyncio.create_task(patient.load("mine"))
    await until(lambda: len(children()) == 2, "it starts")

    async with asyncio.timeout(LONG):
        with pytest.raises(ModelLoadFailed, match=r"loading timed out after 0\.5 s"):
            await loader.load("mine")
    let_through(gate)

    await (await first).close()

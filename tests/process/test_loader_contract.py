"""The real loader keeps what the cache relies on: a real store, real runners, tiny models."""

import asyncio
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from cache.ports import Key, Loaded
from models.catalogue import load_catalogue
from models.clock import SystemClock
from models.config import ServingConfig
from models.directory import Directory
from models.forkserver import ForkServer
from models.integrity import file_digest
from models.loader import LiveModel, ModelLoader
from models.registration.register import register
from models.store import ModelStore
from tests import tiny
from tests.contract.stores import card
from tests.contract.test_loader_fakes import LoaderContract
from tests.process.processes import living_children, until

pytestmark = pytest.mark.process

SLOW = "slow"


class RealBench:
    key: Key = "one"
    other: Key = "two"
    unknown: Key = "unknown"
    broken: Key = "broken"

    def __init__(self, loader: ModelLoader) -> None:
        self.loader = loader

    def living(self) -> int:
        return len(living_children(self.loader.forkserver))

    def kill(self, loaded: Loaded) -> None:
        assert isinstance(loaded, LiveModel)
        os.kill(loaded.runner.pid, signal.SIGKILL)

    async def load_half(self, key: Key) -> "asyncio.Task[Loaded]":
        loading: asyncio.Task[Loaded] = asyncio.create_task(self.loader.load(SLOW))
        await until(lambda: self.living() > 0, "a runner that loads")
        return loading


class TestRealLoader(LoaderContract):
    @pytest.fixture
    async def bench(self, forkserver: ForkServer, tmp_path: Path) -> RealBench:
        store = ModelStore(tmp_path / "home" / "models")
        catalogue = load_catalogue()
        for name in (RealBench.key, RealBench.other):
            folder = tiny.write_model(tmp_path / name)
            await register(
                name,
                f"dir:{folder}",
                store=store,
                forkserver=forkserver,
                catalogue=catalogue,
                progress=lambda _: None,
            )
        _add(store, RealBench.broken, tiny.write_model(tmp_path / "broken", logits=2))
        _add(store, SLOW, tiny.write_looping_model(tmp_path / SLOW, "[UNK]"))
        directory = Directory(catalogue, store, SystemClock())
        return RealBench(ModelLoader(directory, store, forkserver, ServingConfig()))


def _add(store: ModelStore, name: str, folder: Path) -> None:
    """Put a model into the store that registration would refuse, or never finish."""
    with store.staging() as staging:
        entry = shutil.copytree(folder, staging / "entry")
        digests = {file.name: file_digest(file) for file in entry.iterdir()}
        store.add(entry, replace(card(name, "1", digests), labels=tiny.LABELS, max_length=16))

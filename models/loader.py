"""Loads a model into a runner process: resolve, verify, spawn, measure."""

import asyncio
import os
from dataclasses import dataclass, field

from cache.ports import Key, Terms
from models.catalogue import Catalogue, parse_ref
from models.config import ServingConfig
from models.directory import Directory
from models.forkserver import ForkServer
from models.runner import LoadOrder, Runner
from models.spec import StoredModel
from models.store import ModelStore
from models.versions import name_of

_HEADROOM = 1.15
"""What a reservation asks beyond the expected footprint, for inference to grow into."""


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A resident: the runner, and the version of the model it holds."""

    stored: StoredModel
    runner: Runner

    @property
    def footprint(self) -> int:
        return self.runner.footprint

    @property
    def device_footprint(self) -> int:
        """No engine computes on a device with memory of its own yet."""
        return 0

    async def measure(self) -> int:
        return await self.runner.measure()

    async def close(self) -> None:
        await self.runner.close()

    async def wait_ended(self) -> None:
        await self.runner.wait_ended()


@dataclass(slots=True)
class ModelLoader:
    """The cache's Loader; a key is "name:version"."""

    directory: Directory
    store: ModelStore
    forkserver: ForkServer
    config: ServingConfig
    pins: dict[str, bool] = field(default_factory=dict)
    """By name or key: what the operator said, which goes before the catalogue."""
    _measured: dict[tuple[str, str], int] = field(default_factory=dict)

    async def terms(self, key: Key) -> Terms:
        stored = await self._resolve(key)
        spec = self.directory.catalogue.get(stored.name)
        measured = self._measured.get((stored.name, stored.version), 0)
        expected = max(stored.footprint, measured)
        return Terms(
            size_estimate=int(expected * _HEADROOM),
            load_seconds=stored.load_seconds,
            priority=spec.priority if spec is not None else None,
            ttl=ttl_of(stored, self.directory.catalogue, self.config),
            pinned=self.is_pinned(key),
        )

    def is_pinned(self, key: Key) -> bool:
        name = name_of(key)
        spec = self.directory.catalogue.get(name)
        return self.pins.get(key, self.pins.get(name, spec is not None and spec.pin))

    async def load(self, key: Key) -> LiveModel:
        stored = await self._resolve(key)
        await asyncio.to_thread(self.store.verify, stored)
        order = LoadOrder(
            engine=stored.engine,
            path=stored.path,
            labels=stored.labels,
            max_length=stored.max_length,
            threads=cores(self.config),
            compiled=True,
        )
        runner = await Runner.start(self.forkserver, order, timeout=self.config.load_timeout)
        return self._loaded(stored, runner)

    def _loaded(self, stored: StoredModel, runner: Runner) -> LiveModel:
        self._measured[stored.name, stored.version] = runner.footprint
        return LiveModel(stored, runner)

    async def _resolve(self, key: Key) -> StoredModel:
        return await self.directory.find(parse_ref(key))


def ttl_of(stored: StoredModel, catalogue: Catalogue, config: ServingConfig) -> float | None:
    """Seconds, None for never: the model's own, else its type's, else the default."""
    spec = catalogue.get(stored.name)
    if spec is not None and spec.ttl is not None:
        return spec.ttl
    ttl = config.ttl_by_type.get(stored.engine, config.cache_ttl)
    return None if ttl < 0 else ttl


def cores(config: ServingConfig) -> int:
    """Runs at once: the setting, else the processors this process may use."""
    return config.cores or len(os.sched_getaffinity(0))

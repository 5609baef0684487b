"""Loads a model into a runner process: resolve, verify, spawn, measure."""

import asyncio
from dataclasses import dataclass, field

from cache.ports import HOST, Key, Terms
from models.catalogue import Catalogue, parse_ref
from models.config import ServingConfig, cores
from models.devices import DeviceMemory, NoDevices
from models.directory import Directory
from models.errors import ModelLoadFailed
from models.forkserver import ForkServer
from models.placement import DeviceGauge, device_named, first_estimate, gauge_for, seen
from models.runner import LoadOrder, Runner
from models.runtimes import Runtimes
from models.spec import StoredModel, harmless_label
from models.store import ModelStore
from models.versions import name_of

_HEADROOM = 1.15
"""What a reservation asks beyond the expected footprint, for inference to grow into."""

_FORK_SERVER = 320_000_000
"""Bytes that torch's fork server adds to the own use (305 MB were measured). Reserved with the
first model that needs it, as it is only measured after that; then they are given back."""


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A resident: the runner, and the version of the model it holds."""

    stored: StoredModel
    runner: Runner
    gauge: DeviceGauge

    @property
    def footprint(self) -> int:
        return self.runner.footprint

    @property
    def device_footprint(self) -> int:
        return self.gauge.last

    async def measure(self) -> int:
        await self.gauge.measure()
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
    devices: DeviceMemory = field(default_factory=NoDevices)
    pins: dict[str, bool] = field(default_factory=dict)
    """By name or key: what the operator said, which goes before the catalogue."""
    runtimes: Runtimes = field(init=False)
    _measured: dict[tuple[str, str], int] = field(default_factory=dict)
    _gauges: dict[tuple[str, str], DeviceGauge] = field(default_factory=dict)
    """Of the last runner of each version: what it took of a device."""

    def __post_init__(self) -> None:
        self.runtimes = Runtimes(self.forkserver)

    async def terms(self, key: Key) -> Terms:
        stored = await self._resolve(key)
        spec = self.directory.catalogue.get(stored.name)
        measured = self._measured.get((stored.name, stored.version), 0)
        expected = int(max(stored.footprint, measured) * _HEADROOM)
        if not self.forkserver.has(stored.engine):
            expected += _FORK_SERVER
        device, on_device = await self._on_device(stored)
        return Terms(
            size_estimate=expected,
            load_seconds=stored.load_seconds,
            priority=spec.priority if spec is not None else None,
            ttl=ttl_of(stored, self.directory.catalogue, self.config),
            pinned=self.is_pinned(key),
            device=device,
            device_estimate=int(on_device * _HEADROOM),
        )

    def is_pinned(self, key: Key) -> bool:
        name = name_of(key)
        spec = self.directory.catalogue.get(name)
        return self.pins.get(key, self.pins.get(name, spec is not None and spec.pin))

    async def load(self, key: Key) -> LiveModel:
        stored = await self._resolve(key)
        await asyncio.to_thread(self.store.verify, stored)
        live = self._loaded(stored, await self._start(stored))
        await live.gauge.measure()
        return live

    async def _start(self, stored: StoredModel) -> Runner:
        """A runner within the deadline of a load, in which its fork server may have to start."""
        timeout = self.config.load_timeout
        try:
            async with asyncio.timeout(timeout):
                forkserver = await self.forkserver.of(stored.engine)
                return await Runner.start(forkserver, self._order(stored), timeout=timeout)
        except TimeoutError as error:
            raise ModelLoadFailed(f"loading timed out after {timeout:g} s") from error

    def _order(self, stored: StoredModel) -> LoadOrder:
        spec = self.directory.catalogue.get(stored.name)
        return LoadOrder(
            engine=stored.engine,
            path=stored.path,
            labels=stored.labels,
            max_length=stored.max_length,
            threads=cores(self.config),
            compiled=True,
            device=self._wanted(stored),
            max_windows=self.config.max_windows,
            harmless=harmless_label(stored.labels, spec),
        )

    def _wanted(self, stored: StoredModel) -> str:
        spec = self.directory.catalogue.get(stored.name)
        return (spec.device if spec is not None else None) or self.config.device

    async def _on_device(self, stored: StoredModel) -> tuple[str, int]:
        """The device that a load will need memory of, and how much; a guess before the first."""
        gauge = self._gauges.get((stored.name, stored.version))
        if gauge is not None:
            return gauge.device, gauge.last
        device = device_named(self._wanted(stored), stored.precision, seen(self.devices))
        if device == HOST or not await self.runtimes.has_cuda(stored.engine):
            return HOST, 0
        return device, first_estimate(stored.size)

    def _loaded(self, stored: StoredModel, runner: Runner) -> LiveModel:
        version = (stored.name, stored.version)
        before = self._gauges.get(version)
        expected = (before.last if before else 0) or first_estimate(stored.size)
        gauge = gauge_for(self.devices, runner.device, runner.pid, expected)
        self._measured[version], self._gauges[version] = runner.footprint, gauge
        return LiveModel(stored, runner, gauge)

    async def _resolve(self, key: Key) -> StoredModel:
        return await self.directory.find(parse_ref(key))


def ttl_of(stored: StoredModel, catalogue: Catalogue, config: ServingConfig) -> float | None:
    """Seconds, None for never: the model's own, else its type's, else the default."""
    spec = catalogue.get(stored.name)
    if spec is not None and spec.ttl is not None:
        return spec.ttl
    ttl = config.ttl_by_type.get(stored.engine, config.cache_ttl)
    return None if ttl < 0 else ttl

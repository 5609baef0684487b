"""The use cases over fake runners: directory, cache, dispatch, answering and figures are real."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cache.events import Event
from models.catalogue import Catalogue
from models.clock import SystemClock
from models.config import ServingConfig
from models.directory import Directory
from models.engines import Row
from models.errors import DeadlineExceeded, InferenceFailed, RunnerDied, RunnerGone
from models.forkserver import ForkServer
from models.loader import LiveModel, ModelLoader
from models.port import Predicted, WarmedUp
from models.runner import Answer, Runner
from models.serving import Serving
from models.spec import StoredModel
from models.store import ModelStore

POISON = "poison"
HANGING = "hanging"
UNREADABLE = "unreadable"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeSystemClock(SystemClock):
    """Stands still until it is advanced; its seconds count from EPOCH."""

    def __init__(self) -> None:
        self._now = 1000.0

    def monotonic(self) -> float:
        return self._now

    def utc(self, at: float) -> datetime:
        return EPOCH + timedelta(seconds=at)

    def advance(self, seconds: float) -> None:
        self._now += seconds


class FakeRunner:
    """Answers each text after 0.5 s in the engine: "a", unless the text begins with "b".

    Dies of POISON, and with HANGING as one does whose engine hangs. While its gate is closed, it
    reads and does not answer.
    """

    pid = 0

    def __init__(self, stored: StoredModel) -> None:
        self.footprint = stored.footprint
        self.weighs = stored.footprint
        self.started_at = EPOCH
        self.read: list[str] = []
        self.measured = 0
        self.measure_error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._ended = asyncio.Event()

    async def predict(self, text: str, *, timeout: float) -> Answer:
        if self._ended.is_set():
            raise RunnerGone("it has ended")
        self.read.append(text)
        if text == UNREADABLE:
            raise InferenceFailed("nothing to read")
        gate, ended = (asyncio.ensure_future(e.wait()) for e in (self.gate, self._ended))
        await asyncio.wait([gate, ended], return_when=asyncio.FIRST_COMPLETED)
        gate.cancel()
        ended.cancel()
        if text in {POISON, HANGING}:
            self._ended.set()
        if text == HANGING:
            raise DeadlineExceeded(f"no answer in {timeout:g} s; the runner was ended")
        if self._ended.is_set():
            raise RunnerDied("it ended during the call")
        row = (0.25, 0.75) if text.startswith("b") else (0.75, 0.25)
        return Answer(Row(row, tokens=len(text), truncated=False), 0.5)

    async def measure(self) -> int:
        self.measured += 1
        if self.measure_error is not None:
            raise self.measure_error
        self.footprint = 0 if self._ended.is_set() else self.weighs
        return self.footprint

    async def close(self) -> None:
        self._ended.set()

    async def wait_ended(self) -> None:
        await self._ended.wait()


@dataclass
class FakeStore:
    """Lists what it is given; `error` is raised instead."""

    models: list[StoredModel]
    listings: int = 0
    error: Exception | None = None

    def list(self) -> list[StoredModel]:
        self.listings += 1
        if self.error is not None:
            raise self.error
        return list(self.models)


class NoForkServer:
    """None has been started: its pid is that of no process."""

    pid = 0


@dataclass(slots=True)
class FakeModelLoader(ModelLoader):
    """The real one's terms, on fake runners. A load takes `seconds` once the gate is open.

    `weights` says which versions weigh something else than was measured at their registration.
    """

    clock: FakeSystemClock = field(default_factory=FakeSystemClock)
    seconds: float = 2.0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    weights: dict[str, int] = field(default_factory=dict)
    runners: list[FakeRunner] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    async def load(self, key: str) -> LiveModel:
        self.orders.append(key)
        stored = await self._resolve(key)
        await self.gate.wait()
        self.clock.advance(self.seconds)
        if self.error is not None:
            raise self.error
        self.runners.append(FakeRunner(stored))
        self.runners[-1].footprint = self.weights.get(stored.version, stored.footprint)
        return self._loaded(stored, cast("Runner", self.runners[-1]))


@dataclass
class Audience:
    """Remembers what the observer is told."""

    events: list[Event | Predicted | WarmedUp] = field(default_factory=list)

    def __call__(self, event: Event | Predicted | WarmedUp, /) -> None:
        self.events.append(event)


class House:
    """The use cases with `limit` bytes of memory, none of them in use by the service itself."""

    def __init__(
        self, catalogue: Catalogue, *models: StoredModel, limit: int = 1000, **settings: Any
    ) -> None:
        self.config = ServingConfig(cores=2, **settings)
        self.clock = FakeSystemClock()
        self.store = FakeStore(list(models))
        self.directory = Directory(catalogue, self.store, self.clock)
        self.loader = FakeModelLoader(
            self.directory,
            cast("ModelStore", self.store),
            cast("ForkServer", NoForkServer()),
            self.config,
            clock=self.clock,
        )
        self.loader.gate.set()
        self.audience = Audience()
        self.serving = Serving(
            self.config, self.loader, self.clock, self.audience, limit=limit, root=0
        )

    @property
    def runner(self) -> FakeRunner:
        """The newest."""
        return self.loader.runners[-1]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Serving]:
        """Started, with nothing to prepare, and closed at the end."""
        await self.serving.start(nothing)
        try:
            yield self.serving
        finally:
            await self.serving.aclose()

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(work)


async def nothing() -> None:
    """Prepare nothing."""

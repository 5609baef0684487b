"""The use cases over fake runners: directory, cache, dispatch, answering and figures are real."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from cache.ports import HOST
from models.assembling import assemble
from models.catalogue import Catalogue
from models.clock import SystemClock
from models.config import ServingConfig
from models.devices import NoDevices
from models.directory import Directory
from models.engines import Row
from models.errors import DeadlineExceeded, InferenceFailed, ModelNotFound, RunnerDied, RunnerGone
from models.forkserver import ForkServer
from models.journal import AccessJournal, History
from models.loader import LiveModel, ModelLoader
from models.placement import DeviceGauge
from models.port import Happening
from models.runner import Answer, Runner
from models.serving import Serving
from models.setbacks import Setbacks
from models.shared.sharing import Sharing
from models.spec import StoredModel
from models.store import ModelStore

POISON = "poison"
HANGING = "hanging"
UNREADABLE = "unreadable"
T = TypeVar("T")
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

    `answers`, if any, are its probabilities for each text. Dies of POISON, and with HANGING as one
    does whose engine hangs. While its gate is closed, it reads and does not answer.
    """

    pid = 0
    device = "cpu"
    batch_proof = False

    def __init__(self, stored: StoredModel) -> None:
        self.footprint = stored.footprint
        self.weighs = stored.footprint
        self.started_at = EPOCH
        self.read: list[str] = []
        self.answers: tuple[float, ...] | None = None
        self.measured = 0
        self.measure_error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._ended = asyncio.Event()

    async def predict(
        self, texts: Sequence[str], *, timeout: float
    ) -> list[Answer | InferenceFailed]:
        """One text a run, as the CPU's dispatcher sends them."""
        [text] = texts
        if self._ended.is_set():
            raise RunnerGone("it has ended")
        self.read.append(text)
        if text == UNREADABLE:
            return [InferenceFailed("nothing to read")]
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
        usual = (0.25, 0.75) if text.startswith("b") else (0.75, 0.25)
        said = usual if self.answers is None else self.answers
        return [Answer(Row(said, tokens=len(text), truncated=False), 0.5)]

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
    """Lists what it is given; `error` is raised instead. `named` has the aliases by name."""

    models: list[StoredModel]
    listings: int = 0
    error: Exception | None = None

    named: dict[str, dict[str, str]] = field(default_factory=dict)

    def list(self) -> list[StoredModel]:
        self.listings += 1
        if self.error is not None:
            raise self.error
        return list(self.models)

    def aliases(self) -> dict[str, dict[str, str]]:
        return {name: dict(aliases) for name, aliases in self.named.items()}

    def set_alias(self, name: str, alias: str, version: str | None) -> str | None:
        """As the real one does, but for what it refuses."""
        if version is not None and (name, version) not in {
            (m.name, m.version) for m in self.models
        }:
            raise ModelNotFound(f"Model {name}:{version} not found")
        before = self.named.setdefault(name, {}).pop(alias, None)
        if version is not None:
            self.named[name][alias] = version
        return before


class NoForkServer:
    """None has been started, so there is no process."""

    pids: frozenset[int] = frozenset()

    def has(self, engine: str) -> bool:
        return True


@dataclass(slots=True)
class FakeModelLoader(ModelLoader):
    """The real one's terms, on fake runners. A load takes `seconds` once the gate is open.

    `held` has the gates of single keys, `errors` what single keys raise, and `failures` what their
    next loads raise, one after another. `weights` says which
    versions weigh something else than was measured at their registration, and `answers` what
    those say to any text.
    """

    clock: FakeSystemClock = field(default_factory=FakeSystemClock)
    seconds: float = 2.0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    errors: dict[str, Exception] = field(default_factory=dict)
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    answers: dict[str, tuple[float, ...]] = field(default_factory=dict)
    runners: list[FakeRunner] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    begun: dict[str, asyncio.Event] = field(default_factory=dict)

    async def load(self, key: str) -> LiveModel:
        self.orders.append(key)
        self.begun.setdefault(key, asyncio.Event()).set()
        stored = await self._resolve(key)
        await self.gate.wait()
        if key in self.held:
            await self.held[key].wait()
        self.clock.advance(self.seconds)
        error = self.errors.get(key, self.error)
        if self.failures.get(key):
            error = self.failures[key].pop(0)
        if error is not None:
            raise error
        self.runners.append(FakeRunner(stored))
        self.runners[-1].footprint = self.weights.get(stored.version, stored.footprint)
        self.runners[-1].answers = self.answers.get(stored.version)
        return self._loaded(stored, cast("Runner", self.runners[-1]))

    async def begins(self, key: str) -> None:
        """Return when a load of `key` has begun."""
        await asyncio.wait_for(self.begun.setdefault(key, asyncio.Event()).wait(), 10)

    def hold(self, key: str) -> asyncio.Event:
        """Let no load of `key` end before the gate, which is returned, is opened."""
        return self.held.setdefault(key, asyncio.Event())


@dataclass
class Audience:
    """Remembers what the observer is told."""

    events: list[Happening] = field(default_factory=list)

    def __call__(self, event: Happening, /) -> None:
        self.events.append(event)

    def told(self, kind: type[T]) -> list[T]:
        """What there was of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class House:
    """The use cases with `limit` bytes of memory, none of them in use by the service itself.

    `free` is what of the machine's memory is free, which matters where `enable_auto_scaling` is
    on. `history` is what the access journal has, which writes nothing unless a `journal` is given.
    The prediction cache is off unless it is given bytes: the same text is read again.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *models: StoredModel,
        limit: int = 1000,
        free: int = 1 << 40,
        history: History | None = None,
        journal: AccessJournal | None = None,
        setbacks: Setbacks | None = None,
        sharing: Sharing | None = None,
        beside: Sequence[Callable[[], Coroutine[Any, Any, object]]] = (),
        **settings: Any,
    ) -> None:
        defaults = {"enable_auto_scaling": False, "prediction_cache": 0}
        self.config = ServingConfig(cores=2, **{**defaults, **settings})
        self.free = free
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
        self._beside = beside
        self.journal = journal or AccessJournal(self.clock)
        self.journal.history = history or self.journal.history
        self.serving = assemble(
            self.config,
            self.loader,
            self.clock,
            self.audience,
            self.journal,
            limit=limit,
            free=lambda: self.free,
            root=0,
            setbacks=setbacks,
            sharing=sharing,
        )

    @property
    def runner(self) -> FakeRunner:
        """The newest."""
        return self.loader.runners[-1]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Serving]:
        """Started, with nothing to prepare, and closed at the end."""
        await self.serving.start(nothing, *self._beside)
        try:
            yield self.serving
        finally:
            await self.serving.aclose()

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(work)


def on_cpu(stored: StoredModel, runner: object) -> LiveModel:
    """A resident that takes nothing of a GPU, with some fake as its runner."""
    return LiveModel(stored, cast("Runner", runner), DeviceGauge(NoDevices(), HOST, 0))


async def nothing() -> None:
    """Prepare nothing."""

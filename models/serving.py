"""The use cases: predict, load, unload, warm up, pin, describe, clean up."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from cache.entry import State
from cache.errors import CacheError
from cache.events import Event, LoadFinished
from cache.janitor import Janitor
from cache.residency import Residency
from models.answering import Answering
from models.background import Background
from models.budget import Budget
from models.chronicle import Chronicle
from models.clock import SystemClock
from models.config import ServingConfig
from models.deadline import Deadline
from models.dispatch import Dispatcher
from models.errors import ModelError
from models.figures import Figures
from models.journal import AccessJournal, History
from models.loader import LiveModel, ModelLoader, cores
from models.memory import MemoryMeter
from models.operating import Operating
from models.overview import Overview, cleanup_reason
from models.port import ServingObserver
from models.predicting import Predicting
from models.recalling import Recalling
from models.refreshing import Refreshing
from models.restoring import restore
from models.rules import rules_of
from models.versions import Versions, name_of
from models.views.event import EventView
from models.views.model import ModelView
from models.views.operations import (
    CleanupPlan,
    CleanupReport,
    LoadPlan,
    LoadReport,
    PinReport,
    UnloadReport,
    WarmupReport,
)
from models.views.prediction import Prediction
from models.views.system import CacheView, SystemView
from models.warming import Warming

_log = logging.getLogger(__name__)


class Serving:
    """What the service does, without HTTP. Made by `opening.open_serving`.

    `limit` is the memory limit in bytes, `free` tells what of the machine's memory is free,
    `devices` is the budget of each GPU, and `root` the process id at the top of the service.
    """

    def __init__(
        self,
        config: ServingConfig,
        loader: ModelLoader,
        clock: SystemClock,
        observe: ServingObserver,
        journal: AccessJournal,
        *,
        limit: int,
        free: Callable[[], int],
        root: int,
        devices: Mapping[str, int] | None = None,
    ) -> None:
        self._config = config
        self._directory = loader.directory
        self._clock = clock
        self._journal = journal
        self._chronicle = Chronicle(clock, config.events_kept)
        self._figures = Figures(clock, observe, self._chronicle)
        meter = MemoryMeter(root, lambda: loader.forkserver.pids, self._runner_pids, clock)
        self._budget = Budget(config, limit, meter, free, clock, devices)
        self._residency: Residency[LiveModel] = Residency(
            loader, clock, self._budget.limits, self._on_event, rules_of(config)
        )
        self._versions = Versions(self._directory, self._stays)
        self._answering = Answering(
            self._residency,
            Dispatcher(cores(config), config.dispatch),
            self._versions.current,
            inference_timeout=config.inference_timeout,
        )
        self._operating = Operating(config, loader, self._residency, self._versions)
        self._warming = Warming(
            self._residency,
            self._versions,
            self._answering,
            self._directory.catalogue,
            self._figures,
            clock,
            config.warmup_requests,
        )
        self._refreshing = Refreshing(
            self._residency, self._versions, self._warming, clock, self._figures.on_event
        )
        self._recalling = Recalling(config, self._directory.catalogue)
        self._overview = Overview(
            config,
            self._directory,
            self._residency,
            self._versions,
            self._figures,
            meter,
            self._budget,
            clock,
            loader.is_pinned,
            self._recalling.view,
            limit=limit,
        )
        self._background = Background()
        self._predicting = Predicting(
            config,
            self._directory,
            self._residency,
            self._versions,
            self._answering,
            self._figures,
            journal,
            self._recalling,
            self._background,
            clock,
        )
        self._janitor = Janitor(
            self._residency,
            clock,
            config.cleanup_interval,
            before=self._budget.measure,
            after=self._figures.on_sweep,
            refresh=lambda key: self._background.attempt(self._refreshing.refresh(key)),
        )
        self._warming_up: set[str] = set()
        self._prepared = False
        self._closing = False

    @property
    def ready(self) -> bool:
        fault = self._background.fault or self._residency.fault
        return self._prepared and not self._closing and fault is None

    async def start(self, prepare: Callable[[], Awaitable[object]]) -> None:
        """Measure first; then sweep, and `prepare`, in the background. Ready when prepared."""
        await self._budget.measure()
        self._background.start(self._janitor.run())
        self._background.start(self._journal.run())
        if self._config.enable_auto_scaling:
            self._background.start(self._budget.follow(self._residency.relieve))
        self._background.start(self._prepare(prepare))

    def begin_shutdown(self) -> None:
        self._closing = True
        self._chronicle.close()

    async def aclose(self) -> None:
        self.begin_shutdown()
        await self._background.aclose()
        await self._residency.aclose()
        await self._journal.aclose()

    async def predict(
        self,
        text: str,
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> Prediction:
        return await self._predicting.predict(text, name, keep_alive, cache=cache)

    async def predict_batch(
        self,
        texts: Sequence[str],
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> list[Prediction]:
        """All texts with one model, in order; if one fails, so does the batch."""
        return await self._predicting.predict_batch(texts, name, keep_alive, cache=cache)

    async def load(self, name: str, *, keep_alive: float | None = None) -> LoadReport:
        return await self._operating.load(name, keep_alive)

    async def plan_load(self, name: str) -> LoadPlan:
        ref, key = await self._versions.found(name)
        return await self._overview.load_plan(str(ref), key)

    async def pin(self, name: str, *, pinned: bool) -> PinReport:
        return await self._operating.pin(name, pinned=pinned)

    async def unload(self, name: str) -> UnloadReport:
        return await self._operating.unload(name)

    async def warmup(self, name: str) -> WarmupReport:
        """Answer sample texts. A load that this needs is in neither figure."""
        async with Deadline(self._config.request_timeout):
            ref, _ = await self._versions.found(name)
            return await self._warming.warm_up(str(ref))

    async def start_warmup(self, name: str) -> int:
        """One that is under way already is not begun again."""
        ref, key = await self._versions.found(name)
        if key not in self._warming_up:
            self._warming_up.add(key)
            self._background.attempt(self._warm_up_behind(str(ref), key))
        return self._config.warmup_requests

    async def try_warmup(self, name: str) -> None:
        """Warm up, however long it takes; failures are logged, for nobody waits to be told."""
        try:
            ref, _ = await self._versions.found(name)
            await self._warming.warm_up(str(ref))
        except (ModelError, CacheError) as error:
            _log.error("%s was not warmed up: %s", name, error)

    async def cleanup(self) -> CleanupReport:
        before = self._residency.totals().footprint
        sweep = await self._janitor.sweep()
        return CleanupReport(
            unloaded=tuple(self._overview.shown(key) for key in (*sweep.expired, *sweep.evicted)),
            freed=sweep.freed,
            reason=cleanup_reason(sweep),
            before=before,
            after=self._residency.totals().footprint,
        )

    async def plan_cleanup(self) -> CleanupPlan:
        return self._overview.cleanup_plan()

    async def describe(self, name: str) -> ModelView:
        return await self._overview.model(name)

    async def cache(self) -> CacheView:
        return await self._overview.cache()

    async def system(self) -> SystemView:
        return await self._overview.system()

    def events(self, *, after: int, limit: int) -> Sequence[EventView]:
        return self._chronicle.since(after, limit)

    def follow(self, *, after: int) -> AsyncGenerator[EventView, None]:
        return self._chronicle.follow(after)

    async def restore(self) -> None:
        """Load what was in use before the last stop, behind all else."""
        history, self._journal.history = self._journal.history, History()
        if self._config.restore_working_set:
            await restore(history, self._residency, self._versions)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, LoadFinished):
            name = name_of(event.key)
            self._journal.record_load(name, event.at, event.seconds, event.footprint)
        self._figures.on_event(event)

    async def _prepare(self, prepare: Callable[[], Awaitable[object]]) -> None:
        await prepare()
        self._prepared = True
        self._background.attempt(self.restore())

    async def _warm_up_behind(self, name: str, key: str) -> None:
        try:
            await self.try_warmup(name)
        finally:
            self._warming_up.discard(key)

    def _stays(self, key: str) -> bool:
        """Is it in memory, or loads, and is not to leave?"""
        entry = self._residency.entry(key)
        return entry is not None and entry.state is not State.DRAINING

    def _runner_pids(self) -> frozenset[int]:
        return frozenset(live.runner.pid for live in self._residency.residents())

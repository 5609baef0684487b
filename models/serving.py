"""The use cases: predict, load, unload, warm up, pin, describe, clean up."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

from cache.errors import CacheError
from cache.janitor import Janitor
from cache.residency import Residency
from models.aliasing import Aliasing
from models.background import Background
from models.budget import Budget
from models.chronicle import Chronicle
from models.config import ServingConfig
from models.deadline import Deadlines
from models.errors import ModelError
from models.journal import AccessJournal, History
from models.loader import LiveModel
from models.operating import Operating
from models.overview import Overview, cleanup_reason
from models.predicting import Predicting
from models.restoring import restore
from models.versions import Versions
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
from models.views.version import AliasReport, VersionsView
from models.warming import Warming

_log = logging.getLogger(__name__)


class Serving:
    """What the service does, without HTTP. Made by `opening`, of the parts made by `assembling`.

    Its own are the start, readiness, the end, and the warm-ups that nobody waits for; the rest is
    handed to a part.
    """

    def __init__(
        self,
        config: ServingConfig,
        residency: Residency[LiveModel],
        versions: Versions,
        predicting: Predicting,
        operating: Operating,
        aliasing: Aliasing,
        warming: Warming,
        overview: Overview,
        budget: Budget,
        janitor: Janitor,
        chronicle: Chronicle,
        journal: AccessJournal,
        background: Background,
        deadlines: Deadlines,
    ) -> None:
        self._config = config
        self._residency = residency
        self._versions = versions
        self._predicting = predicting
        self._operating = operating
        self._aliasing = aliasing
        self._warming = warming
        self._overview = overview
        self._budget = budget
        self._janitor = janitor
        self._chronicle = chronicle
        self._journal = journal
        self._background = background
        self._deadlines = deadlines
        self._warming_up: set[str] = set()
        self._prepared = False
        self._closing = False

    @property
    def ready(self) -> bool:
        fault = self._background.fault or self._residency.fault
        return self._prepared and not self._closing and fault is None

    async def start(
        self,
        prepare: Callable[[], Awaitable[object]],
        *others: Callable[[], Coroutine[Any, Any, object]],
    ) -> None:
        """Measure first; then sweep, and `prepare`, in the background. Ready when prepared.

        `others` go on beside that, until the end.
        """
        await self._budget.measure()
        self._background.start(self._janitor.run())
        self._background.start(self._journal.run())
        if self._config.enable_auto_scaling:
            self._background.start(self._budget.follow(self._residency.relieve))
        for other in others:
            self._background.start(other())
        self._background.start(self._prepare(prepare))

    def begin_shutdown(self) -> None:
        self._closing = True
        self._chronicle.close()

    async def aclose(self) -> None:
        self.begin_shutdown()
        await self._background.aclose()
        await self._residency.aclose()
        await self._journal.aclose()

    def predict(
        self,
        text: str,
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> Coroutine[Any, Any, Prediction]:
        return self._predicting.predict(text, name, keep_alive, cache=cache)

    def predict_batch(
        self,
        texts: Sequence[str],
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> Coroutine[Any, Any, list[Prediction]]:
        """All texts with one model, in order; if one fails, so does the batch."""
        return self._predicting.predict_batch(texts, name, keep_alive, cache=cache)

    async def load(self, name: str, *, keep_alive: float | None = None) -> LoadReport:
        return await self._operating.load(name, keep_alive)

    async def plan_load(self, name: str) -> LoadPlan:
        ref, key = await self._versions.found(name)
        return await self._overview.load_plan(str(ref), key)

    async def pin(self, name: str, *, pinned: bool) -> PinReport:
        return await self._operating.pin(name, pinned=pinned)

    async def unload(self, name: str) -> UnloadReport:
        return await self._operating.unload(name)

    async def versions(self, name: str) -> VersionsView:
        return await self._aliasing.versions(name)

    async def set_alias(self, name: str, alias: str, version: str | None) -> AliasReport:
        return await self._aliasing.set_alias(name, alias, version)

    async def warmup(self, name: str) -> WarmupReport:
        """Answer sample texts. A load that this needs is in neither figure."""
        with self._deadlines.deadline():
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
            _log.error("%s was not warmed up: %s", name, error, extra={"model": name})

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

    async def _prepare(self, prepare: Callable[[], Awaitable[object]]) -> None:
        await prepare()
        self._prepared = True
        self._background.attempt(self.restore())

    async def _warm_up_behind(self, name: str, key: str) -> None:
        try:
            await self.try_warmup(name)
        finally:
            self._warming_up.discard(key)

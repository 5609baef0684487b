"""The use cases: predict, load, unload, warm up, describe, clean up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from cache.errors import CacheError
from cache.janitor import Janitor
from cache.policy import Limits
from cache.residency import Residency, Sweep
from models.answering import Answered, Answering
from models.background import Background
from models.catalogue import parse_ref
from models.clock import SystemClock
from models.config import ServingConfig
from models.describe import memory_usage, model_view, system_view
from models.dispatch import Dispatcher
from models.errors import DeadlineExceeded, ModelError
from models.figures import Figures
from models.loader import LiveModel, ModelLoader, cores
from models.memory import MemoryMeter, limits_for
from models.port import ServingObserver
from models.usage import total
from models.views import (
    CacheView,
    CleanupReport,
    LoadReport,
    ModelView,
    Prediction,
    SystemView,
    UnloadReport,
    WarmupReport,
)
from models.warming import Warming

_log = logging.getLogger(__name__)


class Serving:
    """What the service does, without HTTP. Made by `opening.open_serving`.

    `limit` is the memory limit in bytes, `root` the process id at the top of the service.
    """

    def __init__(
        self,
        config: ServingConfig,
        loader: ModelLoader,
        clock: SystemClock,
        observe: ServingObserver,
        *,
        limit: int,
        root: int,
    ) -> None:
        self._config = config
        self._directory = loader.directory
        self._clock = clock
        self._limit = limit
        self._figures = Figures(clock, observe)
        self._residency: Residency[LiveModel] = Residency(
            loader,
            clock,
            self.limits,
            self._figures.on_event,
            room_timeout=config.room_timeout,
            max_waiting=config.max_waiting,
        )
        self._meter = MemoryMeter(root, lambda: loader.forkserver.pid, self._runner_pids, clock)
        self._answering = Answering(
            self._residency,
            Dispatcher(cores(config)),
            width=cores(config),
            inference_timeout=config.inference_timeout,
        )
        self._janitor = Janitor(
            self._residency,
            clock,
            config.cleanup_interval,
            before=self._meter.sample,
            after=self._figures.on_sweep,
        )
        self._background = Background()
        self._warming = Warming(
            self._residency,
            self._answering,
            self._directory.catalogue,
            self._figures,
            clock,
            config.warmup_requests,
        )
        self._warming_up: set[str] = set()
        self._started_at = clock.monotonic()
        self._prepared = False
        self._closing = False

    @property
    def ready(self) -> bool:
        fault = self._background.fault or self._residency.fault
        return self._prepared and not self._closing and fault is None

    async def start(self, prepare: Callable[[], Awaitable[object]]) -> None:
        """Measure first; then sweep, and `prepare`, in the background. Ready when prepared."""
        await self._meter.sample()
        self._background.start(self._janitor.run())
        self._background.start(self._prepare(prepare))

    def begin_shutdown(self) -> None:
        self._closing = True

    async def aclose(self) -> None:
        self._closing = True
        await self._background.aclose()
        await self._residency.aclose()

    async def predict(self, text: str, name: str | None = None) -> Prediction:
        started = self._clock.monotonic()
        async with self._deadline():
            key = await self._key(name)
            self._figures.usage[key].ask(started, 1)
            answered = await self._answering.answer_one(key, text)
        self._follow_growth(key, answered)
        return self._prediction(key, text, answered, started)

    async def predict_batch(
        self, texts: Sequence[str], name: str | None = None
    ) -> list[Prediction]:
        """All texts with one model, in order; if one fails, so does the batch."""
        started = self._clock.monotonic()
        async with self._deadline():
            key = await self._key(name)
            self._figures.usage[key].ask(started, len(texts))
            answers = await self._answering.answer(key, texts)
        self._follow_growth(key, *answers)
        return [
            self._prediction(key, text, answered, started)
            for text, answered in zip(texts, answers, strict=True)
        ]

    async def load(self, name: str) -> LoadReport:
        async with self._deadline():
            key = await self._key(name)
            async with self._residency.lease(key) as lease:
                entry = self._residency.entry(key)
                seconds = entry.load_seconds if entry else 0.0
                return LoadReport(key, seconds, lease.resident.footprint)

    async def unload(self, name: str) -> UnloadReport:
        """Returns when the memory is free. A resident can go even when its files are gone."""
        key = str(parse_ref(name))
        if self._residency.entry(key) is None:
            key = await self._key(name)
        async with self._deadline():
            return UnloadReport(key, await self._residency.unload(key))

    async def warmup(self, name: str) -> WarmupReport:
        """Answer sample texts. A load that this needs is in neither figure."""
        async with self._deadline():
            return await self._warming.warm_up(await self._key(name))

    async def start_warmup(self, name: str) -> int:
        """One that is under way already is not begun again."""
        key = await self._key(name)
        if key not in self._warming_up:
            self._warming_up.add(key)
            self._background.attempt(self._warm_up_behind(key))
        return self._config.warmup_requests

    async def try_warmup(self, name: str) -> None:
        """Warm up, however long it takes; failures are logged, for nobody waits to be told."""
        try:
            await self._warming.warm_up(await self._key(name))
        except (ModelError, CacheError) as error:
            _log.error("%s was not warmed up: %s", name, error)

    async def cleanup(self) -> CleanupReport:
        before = self._residency.totals().footprint
        sweep = await self._janitor.sweep()
        return CleanupReport(
            unloaded=(*sweep.expired, *sweep.evicted),
            freed=sweep.freed,
            reason=_reason(sweep),
            before=before,
            after=self._residency.totals().footprint,
        )

    async def describe(self, name: str) -> ModelView:
        ref = parse_ref(name)
        await self._directory.renew()
        key = str(ref)
        listed = ref.version is None and self._directory.entry(ref) != (None, None)
        if not listed and self._residency.entry(key) is None:
            await self._directory.find(ref)
        return self._view(key)

    async def cache(self) -> CacheView:
        await self._directory.renew()
        keys = dict.fromkeys(self._directory.names())
        keys.update(dict.fromkeys(entry.key for entry in self._residency.entries()))
        models = tuple(self._view(key) for key in keys)
        memory = memory_usage(sum(m.footprint for m in models), self._limit, self._config)
        performance = total([usage.performance() for usage in self._figures.usage.values()])
        return CacheView(models, memory, performance)

    async def system(self) -> SystemView:
        sample = await self._meter.sample()
        self._residency.relieve()
        uptime = self._clock.monotonic() - self._started_at
        tracked = self._residency.totals().charged
        return system_view(sample, tracked, self._limit, self._config, self._figures, uptime)

    def limits(self) -> Limits:
        """What residents may use, by the last measurement of what the service itself uses."""
        return limits_for(self._config, self._limit, self._meter.last.own)

    async def _prepare(self, prepare: Callable[[], Awaitable[object]]) -> None:
        await prepare()
        self._prepared = True

    async def _warm_up_behind(self, key: str) -> None:
        try:
            await self.try_warmup(key)
        finally:
            self._warming_up.discard(key)

    async def _key(self, name: str | None) -> str:
        """The cache's key of a registered model; None means the default."""
        if name is None:
            await self._directory.listed()
        ref = parse_ref(self._directory.default_name(self._config) if name is None else name)
        await self._directory.find(ref)
        return str(ref)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        seconds = self._config.request_timeout
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {seconds:g} s; try again later") from None

    def _follow_growth(self, key: str, *answers: Answered) -> None:
        """Measure again when one of these texts is the longest since the load."""
        longest = max((answered.row.tokens for answered in answers), default=0)
        if self._figures.usage[key].reads_longer(longest):
            self._background.attempt(self._residency.measure(key))

    def _prediction(self, key: str, text: str, answered: Answered, started: float) -> Prediction:
        seconds = self._clock.monotonic() - started
        self._figures.on_answer(key, answered, seconds)
        probabilities = dict(
            zip(answered.live.stored.labels, answered.row.probabilities, strict=True)
        )
        label = max(probabilities, key=probabilities.__getitem__)
        return Prediction(
            text=text,
            label=label,
            confidence=probabilities[label],
            probabilities=probabilities,
            model_used=key,
            cache_hit=answered.hit,
            truncated=answered.row.truncated,
            processing_seconds=seconds,
        )

    def _view(self, key: str) -> ModelView:
        spec, stored = self._directory.entry(parse_ref(key))
        return model_view(
            key,
            spec,
            stored,
            self._residency.entry(key),
            self._residency.resident(key),
            self._figures.usage[key],
            self._clock,
        )

    def _runner_pids(self) -> frozenset[int]:
        return frozenset(live.runner.pid for live in self._residency.residents())


def _reason(sweep: Sweep) -> str:
    if sweep.evicted:
        return "memory_threshold_exceeded"
    return "expired" if sweep.expired else "nothing_to_do"

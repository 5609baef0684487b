"""A fake of the use cases: obeys the port, loads in no time, fails and waits when told to."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from cache.events import Cause, LoadFinished, LoadStarted, Removed
from models.aliases import check_alias
from models.catalogue import parse_ref
from models.chronicle import Chronicle
from models.clock import SystemClock
from models.config import ServingConfig
from models.errors import ModelNotFound, ModelNotRegistered
from models.port import Happening, Predicted, ServingObserver, WarmedUp
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
from models.views.performance import Performance
from models.views.prediction import Prediction
from models.views.system import CacheView, MemoryUsage, PredictionCacheView, SystemView
from models.views.version import AliasReport, VersionsView
from tests.fakes_models import (
    BERT,
    FOOTPRINTS,
    INFERENCE_SECONDS,
    LABELS,
    LIMIT,
    LOAD_SECONDS,
    MOMENT,
    PROBABILITIES,
    FakeModel,
)

BUDGET = 6_243_400_000
TRACKED = 1_203_100_000
PREDICTIONS = PredictionCacheView(
    capacity=32_000_000,
    size=1_500_000,
    entries=2000,
    hits=30,
    misses=60,
    bypassed=10,
    joined=5,
    evictions=4,
    models_off=1,
)


@dataclass(slots=True)
class FakeUseCases:
    """Four documented models, of which BERT's weights are not registered.

    `failure` is raised by every call until it is None again; `gate`, when given, holds
    predictions until it is set.
    """

    config: ServingConfig = field(default_factory=ServingConfig)
    observe: ServingObserver = field(default=lambda event: None)
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    prepared: bool = True
    closing: bool = False
    closed: bool = False
    predictions_begun: int = 0
    cleanups: int = 0
    answered: set[tuple[str, str]] = field(default_factory=set)
    chronicle: Chronicle = field(default_factory=lambda: Chronicle(SystemClock()))
    models: dict[str, FakeModel] = field(
        default_factory=lambda: {
            **{name: FakeModel(name, size) for name, size in FOOTPRINTS.items()},
            BERT: FakeModel(BERT, 0, registered=False),
        }
    )

    @property
    def ready(self) -> bool:
        return self.prepared and not self.closing

    def begin_shutdown(self) -> None:
        self.closing = True
        self.chronicle.close()

    async def predict(
        self,
        text: str,
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> Prediction:
        [prediction] = await self.predict_batch([text], name, keep_alive=keep_alive, cache=cache)
        return prediction

    async def predict_batch(
        self,
        texts: Sequence[str],
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> list[Prediction]:
        model = self._registered(name or self.config.default_model)
        self.predictions_begun += 1
        if self.gate is not None:
            await self.gate.wait()
        known = [cache and (text, model.name) in self.answered for text in texts]
        self.answered |= {(text, model.name) for text in texts if cache}
        hit = model.resident
        self._make_resident(model, keep_alive)
        model.hits += len(texts) * hit
        model.misses += len(texts) * (not hit)
        shown = name or self.config.default_model
        return [
            self._answer(text, shown, hit=hit or cached, cached=cached)
            for text, cached in zip(texts, known, strict=True)
        ]

    async def load(self, name: str, *, keep_alive: float | None = None) -> LoadReport:
        model = self._registered(name)
        self._make_resident(model, keep_alive)
        return LoadReport(name, LOAD_SECONDS, model.footprint)

    async def plan_load(self, name: str) -> LoadPlan:
        model = self._registered(name)
        others = tuple(one.standing() for one in self.models.values() if one.resident)
        decision = "resident" if model.resident else "admit"
        return LoadPlan(
            name, decision, "there is room", model.footprint, BUDGET, TRACKED, (), (), others
        )

    async def pin(self, name: str, *, pinned: bool) -> PinReport:
        model = self._registered(name)
        model.pinned = pinned
        return PinReport(name, pinned, model.resident)

    async def unload(self, name: str) -> UnloadReport:
        return UnloadReport(name, self._remove(self._registered(name), Cause.UNLOADED))

    async def versions(self, name: str) -> VersionsView:
        model = self._known(name)
        if model.name != name:
            raise ModelNotFound(f"Model {name} not found: it is a version")
        found = (model.version(),) if model.registered else ()
        current = "v1" if model.registered else None
        return VersionsView(name, current, dict(model.aliases), found)

    async def set_alias(self, name: str, alias: str, version: str | None) -> AliasReport:
        model = self._known(name)
        check_alias(alias)
        if version not in (None, "v1"):
            raise ModelNotFound(f"Model {name}:{version} not found")
        previous = model.aliases.pop(alias, None)
        if version is not None:
            model.aliases[alias] = version
        return AliasReport(name, alias, version, previous, "v1", "not_needed")

    async def warmup(self, name: str) -> WarmupReport:
        model = self._registered(name)
        self._make_resident(model)
        model.warmed_up = True
        self._tell(WarmedUp(name, 1.2))
        return WarmupReport(name, self.config.warmup_requests, 1.2, 0.0425)

    async def start_warmup(self, name: str) -> int:
        return (await self.warmup(name)).requests

    async def describe(self, name: str) -> ModelView:
        return replace(self._known(name).view(), name=name)

    async def cache(self) -> CacheView:
        self._fail()
        views = tuple(model.view() for model in self.models.values())
        used = sum(view.footprint for view in views)
        memory = MemoryUsage(used, LIMIT, 0.8)
        return CacheView(views, memory, self._performance(views), PREDICTIONS)

    async def system(self) -> SystemView:
        self._fail()
        used = 2_048_500_000
        return SystemView(
            memory=MemoryUsage(used, LIMIT, 0.8),
            own=310_200_000,
            budget=BUDGET,
            tracked=TRACKED,
            uptime_seconds=86_400.4,
            last_cleanup=MOMENT if self.cleanups else None,
            cleanup_count=self.cleanups,
            cleanup_freed=0,
            waiting=3,
        )

    async def cleanup(self) -> CleanupReport:
        self._fail()
        self.cleanups += 1
        before = sum(model.footprint for model in self.models.values() if model.resident)
        return CleanupReport((), 0, "nothing_to_do", before, before)

    async def plan_cleanup(self) -> CleanupPlan:
        self._fail()
        others = tuple(model.standing() for model in self.models.values() if model.resident)
        return CleanupPlan((), (), others, "nothing_to_do", 0)

    def events(self, *, after: int, limit: int) -> Sequence[EventView]:
        self._fail()
        return self.chronicle.since(after, limit)

    def follow(self, *, after: int) -> AsyncGenerator[EventView, None]:
        self._fail()
        return self.chronicle.follow(after)

    async def aclose(self) -> None:
        self.closed = True

    def _tell(self, event: Happening) -> None:
        self.observe(event)
        self.chronicle(event)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _known(self, name: str) -> FakeModel:
        self._fail()
        ref = parse_ref(name)
        if ref.name not in self.models or ref.version not in (None, "v1"):
            raise ModelNotFound(f"Model {name} not found")
        return self.models[ref.name]

    def _registered(self, name: str) -> FakeModel:
        model = self._known(name)
        if not model.registered:
            raise ModelNotRegistered(f"Model {name} is not registered")
        return model

    def _make_resident(self, model: FakeModel, keep_alive: float | None = None) -> None:
        if keep_alive is not None:
            model.keep_alive = keep_alive
        if not model.resident:
            model.resident = True
            model.loads += 1
            self._tell(LoadStarted(model.name, 0.0, model.footprint))
            self._tell(LoadFinished(model.name, 0.0, LOAD_SECONDS, model.footprint))

    def _remove(self, model: FakeModel, cause: Cause) -> int:
        if not model.resident:
            return 0
        model.resident = False
        self._tell(Removed(model.name, 0.0, cause, model.footprint))
        return model.footprint

    def _answer(self, text: str, name: str, *, hit: bool, cached: bool) -> Prediction:
        self._tell(Predicted(name, INFERENCE_SECONDS, INFERENCE_SECONDS))
        probabilities = dict(zip(LABELS, PROBABILITIES, strict=True))
        return Prediction(
            text=text,
            label=LABELS[0],
            confidence=PROBABILITIES[0],
            probabilities=probabilities,
            model_used=name,
            cache_hit=hit,
            truncated=False,
            processing_seconds=0.0425,
            cached=cached,
            version="v1",
        )

    def _performance(self, views: Sequence[ModelView]) -> Performance:
        each = [view.performance for view in views]
        predictions = sum(one.predictions for one in each)
        return Performance(
            predictions=predictions,
            hits=sum(one.hits for one in each),
            misses=sum(one.misses for one in each),
            average_inference_seconds=INFERENCE_SECONDS if predictions else 0.0,
            loads=sum(one.loads for one in each),
            load_seconds=sum(one.load_seconds for one in each),
        )


@asynccontextmanager
async def opened(fake: FakeUseCases, observe: ServingObserver) -> AsyncIterator[FakeUseCases]:
    """Open fakes that the test holds, as `models.opening.open_serving` opens the real ones."""
    fake.observe = observe
    try:
        yield fake
    finally:
        await fake.aclose()

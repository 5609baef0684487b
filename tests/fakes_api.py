"""A fake of the use cases: obeys the port, loads in no time, fails and waits when told to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cache.events import Cause, LoadFinished, Removed
from cache.ports import Priority
from models.catalogue import parse_ref
from models.config import ServingConfig
from models.errors import ModelNotFound, ModelNotRegistered
from models.port import Predicted, ServingObserver, WarmedUp
from models.views import (
    CacheView,
    CleanupReport,
    LoadReport,
    MemoryUsage,
    ModelView,
    Performance,
    Prediction,
    RunnerView,
    SystemView,
    UnloadReport,
    WarmupReport,
)

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
LIMIT = 8_192_000_000
LABELS = ("prompt_injection", "jailbreak", "system_extraction", "code_injection", "benign")
PROBABILITIES = (0.95, 0.03, 0.01, 0.01, 0.0)
DEBERTA = "deberta-v3-base_pretrained"
ROBERTA = "roberta-base_pretrained"
BERT = "bert-base-uncased_pretrained"
DISTILBERT = "distilbert-base-uncased_pretrained"
FOOTPRINTS = {DEBERTA: 512_300_000, ROBERTA: 456_700_000, DISTILBERT: 234_100_000}
LOAD_SECONDS = 2.5
INFERENCE_SECONDS = 0.0452


@dataclass(slots=True)
class FakeModel:
    """One model's state; `registered` False is a catalogue entry without weights."""

    name: str
    footprint: int
    registered: bool = True
    resident: bool = False
    hits: int = 0
    misses: int = 0
    loads: int = 0
    warmed_up: bool = False

    def view(self) -> ModelView:
        asked = self.hits + self.misses
        return ModelView(
            name=self.name,
            cached=self.resident,
            loaded=self.resident,
            footprint=self.footprint if self.resident else 0,
            last_accessed=MOMENT if asked else None,
            access_count=asked,
            priority=Priority.HIGH if asked else Priority.LOW,
            source="Hugging Face",
            engine="onnx",
            registered=self.registered,
            version="v1" if self.registered else None,
            labels=LABELS,
            precision="int8",
            size=self.footprint,
            loaded_at=MOMENT if self.resident else None,
            load_seconds=LOAD_SECONDS if self.loads else None,
            warmup_completed=self.warmed_up,
            warmup_seconds=1.2 if self.warmed_up else None,
            performance=self.performance(),
            runner=RunnerView(4711, self.footprint, 0, MOMENT) if self.resident else None,
        )

    def performance(self) -> Performance:
        answered = self.hits + self.misses
        average = INFERENCE_SECONDS if answered else 0.0
        seconds = LOAD_SECONDS * self.loads
        return Performance(answered, self.hits, self.misses, average, self.loads, seconds)


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

    async def predict(self, text: str, name: str | None = None) -> Prediction:
        return (await self.predict_batch([text], name))[0]

    async def predict_batch(
        self, texts: Sequence[str], name: str | None = None
    ) -> list[Prediction]:
        model = self._registered(name or self.config.default_model)
        self.predictions_begun += 1
        if self.gate is not None:
            await self.gate.wait()
        hit = model.resident
        self._make_resident(model)
        model.hits += len(texts) * hit
        model.misses += len(texts) * (not hit)
        return [self._answer(text, name or self.config.default_model, hit=hit) for text in texts]

    async def load(self, name: str) -> LoadReport:
        model = self._registered(name)
        self._make_resident(model)
        return LoadReport(name, LOAD_SECONDS, model.footprint)

    async def unload(self, name: str) -> UnloadReport:
        return UnloadReport(name, self._remove(self._registered(name), Cause.UNLOADED))

    async def warmup(self, name: str) -> WarmupReport:
        model = self._registered(name)
        self._make_resident(model)
        model.warmed_up = True
        self.observe(WarmedUp(name, 1.2))
        return WarmupReport(name, self.config.warmup_requests, 1.2, 0.0425)

    async def start_warmup(self, name: str) -> int:
        return (await self.warmup(name)).requests

    async def describe(self, name: str) -> ModelView:
        return replace(self._known(name).view(), name=name)

    async def cache(self) -> CacheView:
        self._fail()
        views = tuple(model.view() for model in self.models.values())
        used = sum(view.footprint for view in views)
        return CacheView(views, MemoryUsage(used, LIMIT, 0.8), self._performance(views))

    async def system(self) -> SystemView:
        self._fail()
        used = 2_048_500_000
        return SystemView(
            memory=MemoryUsage(used, LIMIT, 0.8),
            own=310_200_000,
            budget=6_243_400_000,
            tracked=1_203_100_000,
            uptime_seconds=86_400.4,
            last_cleanup=MOMENT if self.cleanups else None,
            cleanup_count=self.cleanups,
            cleanup_freed=0,
        )

    async def cleanup(self) -> CleanupReport:
        self._fail()
        self.cleanups += 1
        before = sum(model.footprint for model in self.models.values() if model.resident)
        return CleanupReport((), 0, "nothing_to_do", before, before)

    async def aclose(self) -> None:
        self.closed = True

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

    def _make_resident(self, model: FakeModel) -> None:
        if not model.resident:
            model.resident = True
            model.loads += 1
            self.observe(LoadFinished(model.name, 0.0, LOAD_SECONDS, model.footprint))

    def _remove(self, model: FakeModel, cause: Cause) -> int:
        if not model.resident:
            return 0
        model.resident = False
        self.observe(Removed(model.name, 0.0, cause, model.footprint))
        return model.footprint

    def _answer(self, text: str, name: str, *, hit: bool) -> Prediction:
        self.observe(Predicted(name, INFERENCE_SECONDS, INFERENCE_SECONDS))
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

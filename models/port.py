"""The use cases as the HTTP layer sees them; `serving.Serving` is the real one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cache.events import Event
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


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction was answered: seconds in the runner, and seconds in all."""

    model: str
    inference_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class WarmedUp:
    """A warm-up was completed."""

    model: str
    seconds: float


class ServingObserver(Protocol):
    """Told of what happens, on the event loop. Must not block or raise."""

    def __call__(self, event: Event | Predicted | WarmedUp, /) -> None: ...


class UseCases(Protocol):
    """Every method raises `models.errors` and `cache.errors`, nothing of HTTP.

    `name` is a model's name, or name:version.
    """

    @property
    def ready(self) -> bool:
        """True once preloading is over, False again while shutting down or after a fatal fault."""
        ...

    def begin_shutdown(self) -> None:
        """Be no longer ready; requests under way, and those that still come, are answered."""
        ...

    async def predict(self, text: str, name: str | None = None) -> Prediction: ...

    async def predict_batch(
        self, texts: Sequence[str], name: str | None = None
    ) -> list[Prediction]: ...

    async def load(self, name: str) -> LoadReport: ...

    async def unload(self, name: str) -> UnloadReport: ...

    async def warmup(self, name: str) -> WarmupReport: ...

    async def start_warmup(self, name: str) -> int:
        """Warm up in the background; returns how many requests it will make."""
        ...

    async def describe(self, name: str) -> ModelView: ...

    async def cache(self) -> CacheView: ...

    async def system(self) -> SystemView: ...

    async def cleanup(self) -> CleanupReport: ...

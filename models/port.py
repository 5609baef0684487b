"""The use cases as the HTTP layer sees them; `serving.Serving` is the real one."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cache.events import Event
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


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction was answered: seconds in the runner for it, if any, and seconds in all."""

    model: str
    inference_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class WarmedUp:
    """A warm-up was completed."""

    model: str
    seconds: float


@dataclass(frozen=True, slots=True)
class RefreshFailed:
    """A model could not be refreshed before its TTL ran out; the one in memory goes on."""

    model: str
    at: float
    error: str


Happening = Event | Predicted | WarmedUp | RefreshFailed


class ServingObserver(Protocol):
    """Told of what happens, on the event loop. Must not block or raise."""

    def __call__(self, event: Happening, /) -> None: ...


class UseCases(Protocol):
    """Every method raises `models.errors` and `cache.errors`, nothing of HTTP.

    `name` is a model's name, name:version, name:alias or name@alias.
    """

    @property
    def ready(self) -> bool:
        """True once preloading is over, False again while shutting down or after a fatal fault."""
        ...

    def begin_shutdown(self) -> None:
        """Be no longer ready; requests under way, and those that still come, are answered."""
        ...

    async def predict(
        self,
        text: str,
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> Prediction:
        """`keep_alive`: seconds that the model stays when nobody asks for it any more.

        None leaves what holds already, 0 unloads it after the answer, infinity never expires it.
        Without `cache` the text is read whatever was answered before, or is being answered, and
        the answer is not kept.
        """
        ...

    async def predict_batch(
        self,
        texts: Sequence[str],
        name: str | None = None,
        *,
        keep_alive: float | None = None,
        cache: bool = True,
    ) -> list[Prediction]: ...

    async def load(self, name: str, *, keep_alive: float | None = None) -> LoadReport:
        """A model that is in quarantine is tried all the same."""
        ...

    async def plan_load(self, name: str) -> LoadPlan:
        """What `load` would do at this moment."""
        ...

    async def pin(self, name: str, *, pinned: bool) -> PinReport:
        """Never evict the model, or let it go like others; holds until the service ends."""
        ...

    async def unload(self, name: str) -> UnloadReport: ...

    async def versions(self, name: str) -> VersionsView:
        """Of the model of that plain name; none for one of the catalogue that is not registered."""
        ...

    async def set_alias(self, name: str, alias: str, version: str | None) -> AliasReport:
        """Have an alias of the model name a version, or nothing (None).

        A champion takes the place of what the plain name stands for, if it proves itself; that is
        waited for as long as a request may take.
        """
        ...

    async def warmup(self, name: str) -> WarmupReport: ...

    async def start_warmup(self, name: str) -> int:
        """Warm up in the background; returns how many requests it will make."""
        ...

    async def describe(self, name: str) -> ModelView: ...

    async def cache(self) -> CacheView: ...

    async def system(self) -> SystemView: ...

    async def cleanup(self) -> CleanupReport: ...

    async def plan_cleanup(self) -> CleanupPlan:
        """What `cleanup` would do at this moment."""
        ...

    def events(self, *, after: int, limit: int) -> Sequence[EventView]:
        """The newest `limit` of the events that are kept and have an id above `after`, in order."""
        ...

    def follow(self, *, after: int) -> AsyncGenerator[EventView, None]:
        """The events kept with an id above `after`, then each as it happens, to the shutdown.

        Ends early for a reader who falls too far behind: he may come again from where he was.
        """
        ...

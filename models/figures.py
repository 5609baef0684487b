"""Counts what happens, model by model and version by version, and what was cleaned up."""

import logging
from collections import defaultdict
from datetime import datetime

from cache.events import (
    Cause,
    Draining,
    Event,
    LoadFailed,
    LoadFinished,
    LoadStarted,
    Refreshed,
    Removed,
)
from cache.prospects import Sweep
from models.clock import SystemClock
from models.port import Predicted, RefreshFailed, ServingObserver, WarmedUp
from models.recalling import Recalled
from models.usage import Usage, total
from models.versions import name_of
from models.views.performance import Performance

_log = logging.getLogger(__name__)


class Figures:
    """Every event passes through here: counted, logged, and handed on to each of `observers`."""

    def __init__(self, clock: SystemClock, *observers: ServingObserver) -> None:
        self._clock = clock
        self._observers = observers
        self.usage: defaultdict[str, Usage] = defaultdict(Usage)
        """By name, all versions together, and by key, "name:version". Warm is a version alone."""
        self.last_cleanup: datetime | None = None
        self.cleanups = 0
        self.cleaned = 0

    def on_event(self, event: Event | RefreshFailed) -> None:
        """The cache's observer, told also of what could not be refreshed."""
        match event:
            case LoadFinished():
                for usage in self._both(event.key):
                    usage.loaded(event.seconds)
            case Removed():
                for usage in self._both(event.key):
                    usage.removed(died=event.cause is Cause.FAILED)
        _log_event(event)
        self._tell(event)

    def on_request(self, key: str, now: float, texts: int) -> None:
        for usage in self._both(key):
            usage.ask(now, texts)

    def on_answer(self, answer: Recalled, total_seconds: float) -> None:
        for usage in self._both(answer.key):
            usage.answer(hit=answer.hit, seconds=answer.seconds, origin=answer.origin)
        self._tell(Predicted(answer.key, answer.seconds, total_seconds))

    def on_warmup(self, key: str, seconds: float, *, resident: bool) -> None:
        """`resident` says whether the model that was warmed up is still there."""
        self.usage[key].warmed = resident
        self.usage[key].warmup_seconds = seconds
        self._tell(WarmedUp(key, seconds))

    def on_trial(self, key: str) -> None:
        """It has read its samples, and is as warm as after a warm-up."""
        self.usage[key].warmed = True

    def on_sweep(self, sweep: Sweep) -> None:
        self.last_cleanup = self._clock.utc(self._clock.monotonic())
        self.cleanups += 1
        self.cleaned += sweep.freed

    def performance(self) -> Performance:
        """All models together."""
        return total([usage.performance() for key, usage in self.usage.items() if ":" not in key])

    def _both(self, key: str) -> tuple[Usage, Usage]:
        return self.usage[name_of(key)], self.usage[key]

    def _tell(self, happening: Event | RefreshFailed | Predicted | WarmedUp) -> None:
        for observe in self._observers:
            observe(happening)


def _log_event(event: Event | RefreshFailed) -> None:
    match event:
        case LoadStarted():
            _say(event.key, "loading %s, %.1f MB reserved", event.reserved / 1e6)
        case LoadFinished():
            size, seconds = event.footprint / 1e6, event.seconds
            _say(event.key, "%s is resident: %.1f MB, loaded in %.2f s", size, seconds)
        case LoadFailed():
            rest, why = event.quarantine, event.error
            text = "%s could not be loaded, is left alone for %.0f s: %s"
            _say(event.key, text, rest, why, level=logging.ERROR)
        case Draining() if event.room_for is not None:
            _say(event.key, "%s makes room for %s", event.room_for)
        case Removed():
            level = logging.WARNING if event.cause is Cause.FAILED else logging.INFO
            _say(event.key, "%s %s, %.1f MB freed", event.cause, event.freed / 1e6, level=level)
        case Refreshed():
            _say(event.key, "%s was refreshed")
        case RefreshFailed():
            text = "%s could not be refreshed: %s"
            _say(event.model, text, event.error, level=logging.WARNING)


def _say(model: str, text: str, *rest: object, level: int = logging.INFO) -> None:
    """`text` begins with the model, which is a field of the line as well."""
    _log.log(level, text, model, *rest, extra={"model": model})

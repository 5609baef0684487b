"""Counts what happens, model by model, and what was cleaned up."""

import logging
from collections import defaultdict
from datetime import datetime

from cache.events import Cause, Event, LoadFailed, LoadFinished, LoadStarted, Removed
from cache.residency import Sweep
from models.answering import Answered
from models.clock import SystemClock
from models.port import Predicted, ServingObserver, WarmedUp
from models.usage import Usage

_log = logging.getLogger(__name__)


class Figures:
    """Every event passes through here: counted, logged, and handed on to `observe`."""

    def __init__(self, clock: SystemClock, observe: ServingObserver) -> None:
        self._clock = clock
        self._observe = observe
        self.usage: defaultdict[str, Usage] = defaultdict(Usage)
        self.last_cleanup: datetime | None = None
        self.cleanups = 0
        self.cleaned = 0

    def on_event(self, event: Event) -> None:
        """The cache's observer."""
        usage = self.usage[event.key]
        match event:
            case LoadStarted():
                _log.info("loading %s, %.1f MB reserved", event.key, event.reserved / 1e6)
            case LoadFinished():
                usage.loaded(event.seconds)
                _log.info(
                    "%s is resident: %.1f MB, loaded in %.2f s",
                    event.key,
                    event.footprint / 1e6,
                    event.seconds,
                )
            case LoadFailed():
                _log.error("%s could not be loaded: %s", event.key, event.error)
            case Removed():
                died = event.cause is Cause.FAILED
                usage.removed(died=died)
                level = logging.WARNING if died else logging.INFO
                _log.log(level, "%s %s, %.1f MB freed", event.key, event.cause, event.freed / 1e6)
        self._observe(event)

    def on_answer(self, key: str, answered: Answered, total_seconds: float) -> None:
        self.usage[key].answer(hit=answered.hit, seconds=answered.seconds)
        self._observe(Predicted(key, answered.seconds, total_seconds))

    def on_warmup(self, key: str, seconds: float, *, resident: bool) -> None:
        """`resident` says whether the model that was warmed up is still there."""
        usage = self.usage[key]
        usage.warmed = resident
        usage.warmup_seconds = seconds
        self._observe(WarmedUp(key, seconds))

    def on_sweep(self, sweep: Sweep) -> None:
        self.last_cleanup = self._clock.utc(self._clock.monotonic())
        self.cleanups += 1
        self.cleaned += sweep.freed

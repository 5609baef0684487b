"""Has the model store listed when it has changed: nobody who asks has to wait for that.

Where the system's notices are to be had, nothing is listed without one, but once a minute: network
drives and some mounted volumes give none of what others have written. Else it is listed every few
seconds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from cache.ports import Clock
from models.notices import Batch, Notices, notices
from models.staging import STAGING

_log = logging.getLogger(__name__)

UNNOTICED = 60.0
"""Seconds after which the store is listed without a notice."""

_MISSES = 2
"""Failures in a row that are worth a word: a store may be made, or mounted, a moment later."""


class Watching:
    """Calls `relist`, which does not fail, for the store in `folder`."""

    def __init__(
        self,
        folder: Path,
        relist: Callable[[], Awaitable[object]],
        clock: Clock,
        *,
        poll: bool,
        every: float,
        notices: Notices = notices,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`every`: seconds between two listings where there are no notices, or `poll` is set."""
        self._folder = folder
        self._relist = relist
        self._clock = clock
        self._poll = poll
        self._every = every
        self._notices = notices
        self._sleep = sleep
        self._missed = 0

    async def run(self) -> None:
        """Watch for ever; ends by cancellation."""
        while True:
            try:
                if not self._poll:
                    await self._watch()
                    continue
            except OSError as error:
                self._tell(error)
            await self._sleep(self._every)
            await self._relist()

    async def _watch(self) -> None:
        """Until the folder is gone, or another has its place. Raises OSError."""
        listed_at = float("-inf")
        async with aclosing(self._notices(self._folder)) as batches:
            async for batch in batches:
                self._tell(None)
                now = self._clock.monotonic()
                if now - listed_at >= UNNOTICED or self._concerns(batch):
                    listed_at = now
                    await self._relist()

    def _concerns(self, batch: Batch) -> bool:
        return any(concerns(path, self._folder) for path in batch)

    def _tell(self, error: OSError | None) -> None:
        if error is None:
            if self._missed >= _MISSES:
                _log.info("the model store %s is watched again", self._folder)
            self._missed = 0
            return
        self._missed += 1
        if self._missed == _MISSES:
            text = "the model store %s cannot be watched (%s): it is listed every %g s until it can"
            _log.warning(text, self._folder, error.strerror or error, self._every)


def concerns(path: Path, store: Path) -> bool:
    """Say whether a change there may be one of names, versions or aliases.

    Any file of a version counts, for the last one to come makes it whole. What is hidden in the
    store itself are locks and the like, and `staging` makes new versions where nobody looks.
    """
    parts = path.relative_to(store).parts if path.is_relative_to(store) else ()
    if not parts:
        return True
    return parts[0] != STAGING and not (len(parts) == 1 and parts[0].startswith("."))

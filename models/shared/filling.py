"""Gives the store what was computed, while nobody waits; of too much at once the rest is lost."""

import asyncio
import logging
from collections import deque

from models.shared.port import Store, StoreFailed

_log = logging.getLogger(__name__)

ROOM = 1024
"""Values that may wait: 100 kB."""
VALUES_A_CALL = 128
WRITING = 1.0
"""Seconds that a call may take, its connection included."""


class Filling:
    """Keeps values for `ttl` seconds. `errors` counts calls that failed, the rest values."""

    def __init__(self, store: Store, ttl: float) -> None:
        self._store = store
        self._ttl = ttl
        self._queue: deque[tuple[str, bytes]] = deque()
        self._wake = asyncio.Event()
        self._failing = False
        self.errors = 0
        self.written = 0
        self.dropped = 0

    def offer(self, key: str, value: bytes) -> None:
        """Never waits, and never fails."""
        if len(self._queue) >= ROOM:
            self.dropped += 1
            return
        self._queue.append((key, value))
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._write()

    async def _write(self) -> None:
        """Some of it. After a failure all is dropped: it would be late, and fail as well."""
        count = min(VALUES_A_CALL, len(self._queue))
        items = [self._queue.popleft() for _ in range(count)]
        try:
            async with asyncio.timeout(WRITING):
                await self._store.put(items, self._ttl)
        except (StoreFailed, TimeoutError) as error:
            self.errors += 1
            self.dropped += count + len(self._queue)
            self._queue.clear()
            self._say(error)
        else:
            self.written += count
            self._failing = False

    def _say(self, error: Exception) -> None:
        """The first failure of a row."""
        if not self._failing:
            why = str(error) or "no answer in time"
            _log.warning("%s: %s; new predictions are not shared", self._store.place, why)
        self._failing = True

"""Look-ups in the store: those of one moment as one call, within a deadline, behind a breaker.

One task owns the connection. It connects while nobody waits; without a connection a look-up is
over at once. So a store that is gone costs a request nothing, and one that hangs one deadline.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cache.breaker import Breaker, Circuit
from models.shared.port import Store, StoreFailed

_log = logging.getLogger(__name__)

CONNECTING = 1.0
"""Seconds for a connection, its encryption and login."""
KEYS_A_CALL = 256
"""And as many may wait: who comes then waits for one call, and for his own."""
TURNS = 4
"""Of the event loop, from bytes that have come to what they say: a reader, two tasks, one over."""

T = TypeVar("T")
Values = Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class _Asked:
    keys: Sequence[str]
    found: asyncio.Future[Values | None]


class Lookups:
    """`patience`: seconds that a call may take; a look-up waits for its own and one before it.

    `errors` counts calls that failed, `skipped` keys that were not looked up, or not in time.
    """

    def __init__(
        self, store: Store, breaker: Breaker, now: Callable[[], float], *, patience: float
    ) -> None:
        self._store = store
        self._breaker = breaker
        self._now = now
        self._patience = patience
        self._waiting: deque[_Asked] = deque()
        self._keys_waiting = 0
        self._wake = asyncio.Event()
        self.connected = False
        self.errors = 0
        self.skipped = 0

    async def find(self, keys: Sequence[str]) -> Values | None:
        """One value a key, None where there is none; None for all that were not looked up."""
        found = await self._ask_for(keys) if self._may_ask() else None
        if found is None:
            self.skipped += len(keys)
        return found

    async def run(self) -> None:
        """Connect and look up, for ever; at the end nobody is left waiting."""
        try:
            while True:
                await self._connect()
                await self._serve()
                self._give_up()
        finally:
            self._give_up()

    def _may_ask(self) -> bool:
        return self.connected and self._keys_waiting < KEYS_A_CALL

    async def _ask_for(self, keys: Sequence[str]) -> Values | None:
        asked = _Asked(keys, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._keys_waiting += len(keys)
        self._wake.set()
        return await asked.found

    async def _connect(self) -> None:
        while not self.connected:
            await asyncio.sleep(self._breaker.wait(self._now()))
            if self._breaker.allows(self._now()):
                self.connected = await self._try()

    async def _try(self) -> bool:
        """Does it take connections, and answer as fast as a look-up has to be answered?"""
        try:
            async with asyncio.timeout(CONNECTING):
                await self._store.connect()
            await in_time(self._store.ping(), self._patience)
        except (StoreFailed, TimeoutError) as error:
            self._failed(error)
            return False
        if self._breaker.circuit() is not Circuit.CLOSED:
            _log.info("%s answers again: predictions are shared", self._store.place)
            self._breaker.succeeded()
        return True

    async def _serve(self) -> None:
        """Until a call fails."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._next():
                if not await self._call(batch):
                    return

    def _next(self) -> list[_Asked]:
        """Whose turn it is; who has left is passed over."""
        batch: list[_Asked] = []
        keys = 0
        while self._waiting and keys < KEYS_A_CALL:
            asked = self._waiting.popleft()
            self._keys_waiting -= len(asked.keys)
            if not asked.found.done():
                batch.append(asked)
                keys += len(asked.keys)
        return batch

    async def _call(self, batch: Sequence[_Asked]) -> bool:
        values: Values | None = None
        try:
            keys = [key for asked in batch for key in asked.keys]
            values = await in_time(self._store.get(keys), self._patience)
        except (StoreFailed, TimeoutError) as error:
            self._failed(error)
            return False
        finally:
            _deal(batch, values)
        self._breaker.succeeded()
        return True

    def _failed(self, error: Exception) -> None:
        self.errors += 1
        before = self._breaker.opened
        self._breaker.failed(self._now())
        if self._breaker.opened > before:
            why = str(error) or "no answer in time"
            place, rest = self._store.place, self._breaker.rest
            _log.warning(
                "%s: %s; predictions are not shared, it is tried every %g s", place, why, rest
            )

    def _give_up(self) -> None:
        self.connected = False
        while batch := self._next():
            _deal(batch, None)


async def in_time(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """The call's result. Raises TimeoutError, and ends the call, where it takes longer.

    A loop that was held up for so long may have the answer and not have read it: it gets to do so.
    """
    asked = asyncio.ensure_future(call)
    try:
        await asyncio.wait({asked}, timeout=seconds)
        for _ in range(TURNS):
            if asked.done():
                return asked.result()
            await asyncio.sleep(0)
        raise TimeoutError
    finally:
        asked.cancel()
        await asyncio.wait({asked})


def _deal(batch: Sequence[_Asked], values: Values | None) -> None:
    start = 0
    for asked in batch:
        end = start + len(asked.keys)
        if not asked.found.done():
            asked.found.set_result(None if values is None else values[start:end])
        start = end

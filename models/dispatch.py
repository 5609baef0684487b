"""What is sent to a runner together: on a CPU single texts, on all cores at once.

One text a run is fastest there, and the only way for an answer not to depend on its neighbours.
One gate stands before all runners, because several busy runners share the same cores.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol
from weakref import WeakKeyDictionary

from models.runner import Answer


class Classifier(Protocol):
    """A runner, as far as texts are concerned."""

    async def predict(self, text: str, *, timeout: float) -> Answer: ...


class Turnstile:
    """Lets callers in together, or one who wants to be alone; in the order they came."""

    def __init__(self) -> None:
        self._inside = 0
        self._alone = False
        self._queue: deque[tuple[asyncio.Future[None], bool]] = deque()

    @asynccontextmanager
    async def hold(self, *, alone: bool) -> AsyncIterator[None]:
        await self._enter(alone=alone)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, *, alone: bool) -> None:
        place = asyncio.get_running_loop().create_future()
        self._queue.append((place, alone))
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._admit()
            else:
                self._leave()
            raise

    def _leave(self) -> None:
        self._inside -= 1
        self._alone = False
        self._admit()

    def _admit(self) -> None:
        while self._queue and not self._alone:
            place, alone = self._queue[0]
            if place.cancelled():
                self._queue.popleft()
                continue
            if alone and self._inside:
                return
            self._queue.popleft()
            self._inside += 1
            self._alone = alone
            place.set_result(None)


class Dispatcher:
    """At most `cores` texts are being worked on, over all runners; first come, first served."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._permits = asyncio.Semaphore(cores)
        self._turnstiles: WeakKeyDictionary[Classifier, Turnstile] = WeakKeyDictionary()
        self._sent: set[asyncio.Task[Answer]] = set()

    async def predict(
        self, runner: Classifier, text: str, *, timeout: float, alone: bool = False
    ) -> Answer:
        """The answer to `text`, once it is its turn. Raises what the runner raises.

        `timeout` (seconds) counts from when it is sent. `alone` keeps all other texts away from
        the runner meanwhile. Whoever is cancelled takes back what is not sent yet; what is sent
        keeps its core until it is answered.
        """
        turnstile = self._turnstiles.setdefault(runner, Turnstile())
        async with AsyncExitStack() as held:
            await held.enter_async_context(turnstile.hold(alone=alone))
            await held.enter_async_context(self._permits)
            sent = asyncio.create_task(_send(runner, text, timeout, held.pop_all()))
        self._sent.add(sent)
        sent.add_done_callback(self._forget)
        return await asyncio.shield(sent)

    def _forget(self, sent: asyncio.Task[Answer]) -> None:
        """Where the caller has left, nobody else will ask how it went."""
        self._sent.discard(sent)
        if not sent.cancelled():
            sent.exception()


async def _send(runner: Classifier, text: str, timeout: float, held: AsyncExitStack) -> Answer:
    async with held:
        return await runner.predict(text, timeout=timeout)

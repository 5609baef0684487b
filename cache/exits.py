"""How residents leave: no new leases, the last one ends, they are closed, their bytes are free."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic

from cache import ranking
from cache.entry import Departed
from cache.events import Cause, Draining, Observer, Removed
from cache.ledger import Ledger
from cache.policy import Policy
from cache.ports import Clock, Key, L
from cache.tasks import Tasks


class Exits(Generic[L]):
    """Drains and closes. `loaded` is shared with the residency: the live residents by key.

    `on_gone` is called when bytes have become free, or never will.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        policy: Policy,
        observe: Observer,
        tasks: Tasks,
        on_gone: Callable[[], object],
    ) -> None:
        self.loaded: dict[Key, L] = {}
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._observe = observe
        self._tasks = tasks
        self._on_gone = on_gone
        self._departures: dict[Key, asyncio.Future[Departed]] = {}

    def drain(self, key: Key, cause: Cause, room_for: Key | None = None) -> None:
        """Give no new leases on `key`, and close it once the last has ended.

        A load that is given up has to end by itself: `left` is to be called then.
        """
        entry = self._ledger.get(key)
        if entry is not None and cause is Cause.EVICTED:
            self._ledger.age(entry)
        now = self._clock.monotonic()
        leaving = self._ledger.drain(key, cause, room_for)
        idle = now - leaving.last_used
        self._observe(Draining(key, now, cause, room_for, leaving.priority, leaving.score, idle))
        self._departures[key] = asyncio.get_running_loop().create_future()
        if key in self.loaded and not leaving.leases:
            self._tasks.start(self._close(key))

    def released(self, key: Key) -> None:
        """Call when the last lease on a draining key has ended."""
        self._tasks.start(self._close(key))

    def departures(self, *keys: Key) -> list[Awaitable[Departed]]:
        """To be awaited: the end of each of `keys` that is leaving now."""
        found = (self._departures.get(key) for key in keys)
        return [asyncio.shield(departure) for departure in found if departure]

    def stuck(self, key: Key) -> BaseException | None:
        """Why `key` will never have left, if it cannot be closed."""
        departure = self._departures.get(key)
        return departure.exception() if departure and departure.done() else None

    def left(self, key: Key) -> None:
        """A draining key has nothing in memory any more: write it off."""
        gone = self._ledger.gone(key)
        now = self._clock.monotonic()
        self._observe(Removed(key, now, gone.cause, gone.freed, gone.room_for))
        self._departures.pop(key).set_result(gone)
        self._on_gone()

    def reclassify(self) -> None:
        """Note the classes that follow from usage."""
        entries = self._ledger.entries()
        for key, priority in ranking.classes(entries).items():
            entry = self._ledger.get(key)
            if entry is not None and entry.priority is not priority:
                self._ledger.classify(key, priority)

    async def _close(self, key: Key) -> None:
        try:
            await self.loaded[key].close()
        except Exception as error:
            self._departures[key].set_exception(error)
            self._on_gone()
            raise
        del self.loaded[key]
        self.left(key)

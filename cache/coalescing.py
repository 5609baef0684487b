"""Coalescing: what is asked for several times at once is computed once, for all who ask."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Work(Generic[V]):
    task: asyncio.Task[V]
    waiting: int = 0


class Coalescing(Generic[V]):
    """Work under way by key. A value or an error goes to all who wait for it; neither is kept.

    Unlike a load's `Flight`, which ends in a resident that may stay, work that everybody has
    left is of no use: it is cancelled.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Work[V]] = {}
        self.joined = 0
        """How many calls have found their work under way."""

    async def run(
        self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, V]]
    ) -> tuple[V, bool]:
        """The value of the work under way for `key`, else of what `begin` makes; was it joined?

        Whoever is cancelled leaves alone; with the last one the work is cancelled too.
        """
        work = self._under_way.get(key)
        joined = work is not None
        self.joined += joined
        if work is None:
            work = self._under_way[key] = _Work(asyncio.create_task(begin()))
            work.task.add_done_callback(partial(self._forget, key, work))
        work.waiting += 1
        try:
            return await asyncio.shield(work.task), joined
        finally:
            work.waiting -= 1
            if not work.waiting and not work.task.done():
                self._forget(key, work)
                work.task.cancel()

    def __len__(self) -> int:
        return len(self._under_way)

    def _forget(self, key: Hashable, work: _Work[V], _: object = None) -> None:
        if self._under_way.get(key) is work:
            del self._under_way[key]

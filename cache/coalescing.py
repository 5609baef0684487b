"""Coalescing: what is asked for several times at once is computed once, for all who ask."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Work(Generic[V]):
    """What the first to ask computes; `landed` is for the others, and only where there are any."""

    landed: asyncio.Future[V] | None = None


class Coalescing(Generic[V]):
    """Work under way by key. A value or an error goes to all who wait for it; neither is kept.

    The first to ask computes in his own task, so that one who is alone pays for no other. When he
    leaves the work is cancelled, unlike a load, and the next of those who wait begins anew.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, _Work[V]] = {}
        self.joined = 0
        """How many calls were answered, well or ill, by the work of another."""

    async def run(self, key: Hashable, begin: Callable[[], Awaitable[V]]) -> tuple[V, bool]:
        """The value of the work under way for `key`, else of what `begin` makes; was it joined?"""
        while (work := self._under_way.get(key)) is not None:
            if work.landed is None:
                work.landed = asyncio.get_running_loop().create_future()
            landed = work.landed
            await asyncio.wait([landed])
            if not landed.cancelled():
                self.joined += 1
                return landed.result(), True
        return await self._lead(key, begin), False

    def __len__(self) -> int:
        return len(self._under_way)

    async def _lead(self, key: Hashable, begin: Callable[[], Awaitable[V]]) -> V:
        """Whoever asks once it is over has his own."""
        work = self._under_way[key] = _Work[V]()
        try:
            value = await begin()
        except asyncio.CancelledError:
            if work.landed is not None:
                work.landed.cancel()
            raise
        except BaseException as error:
            if work.landed is not None:
                work.landed.set_exception(error)
                work.landed.exception()  # they may all have left
            raise
        else:
            if work.landed is not None:
                work.landed.set_result(value)
            return value
        finally:
            del self._under_way[key]

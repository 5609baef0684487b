"""Coalescing: what is asked for several times at once is computed once, for all who ask."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Coalescing(Generic[V]):
    """Work under way by key. A value or an error goes to all who wait for it; neither is kept.

    The first to ask computes in his own task, so that one who is alone pays for no other. When he
    leaves the work is cancelled, unlike a load, and the next of those who wait begins anew.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[V] | None] = {}
        """By key, where the others wait for it; None where there are no others."""
        self.joined = 0
        """How many calls were answered, well or ill, by the work of another."""

    async def run(self, key: Hashable, begin: Callable[[], Awaitable[V]]) -> tuple[V, bool]:
        """The value of the work under way for `key`, else of what `begin` makes; was it joined?"""
        while key in self._under_way:
            landed = self._under_way[key]
            if landed is None:
                landed = self._under_way[key] = asyncio.get_running_loop().create_future()
            await asyncio.wait([landed])
            if not landed.cancelled():
                self.joined += 1
                return landed.result(), True
        return await self._lead(key, begin), False

    def __len__(self) -> int:
        return len(self._under_way)

    async def _lead(self, key: Hashable, begin: Callable[[], Awaitable[V]]) -> V:
        """Whoever asks once it is over has his own."""
        self._under_way[key] = None
        try:
            value = await begin()
        except asyncio.CancelledError:
            if landed := self._under_way.pop(key):
                landed.cancel()
            raise
        except BaseException as error:
            if landed := self._under_way.pop(key):
                landed.set_exception(error)
                landed.exception()  # they may all have left
            raise
        if landed := self._under_way.pop(key):
            landed.set_result(value)
        return value

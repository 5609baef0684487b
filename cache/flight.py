"""Single flight: one piece of work a key, however many callers wait for it."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from cache.ports import Key

T = TypeVar("T")


class Flight(Generic[T]):
    """The outcome of one load, and those who wait for it.

    `turn` is the number of the first who asked: the queue for room is in that order. A caller who
    goes away takes only his own wait with him. `land` hands the value to every caller still
    waiting, in the same step in which the load was recorded, so that nothing can come between
    the two.

    `patient` is whether any of them would wait for room; `loaded` whether it took a load.
    """

    def __init__(self, key: Key, turn: int, *, patient: bool) -> None:
        self.key = key
        self.turn = turn
        self.patient = patient
        self.loaded = True
        self._waiting: set[asyncio.Future[T]] = set()
        self._over = asyncio.Event()

    async def over(self) -> None:
        """Return when the flight has landed or failed."""
        await self._over.wait()

    @property
    def waiting(self) -> int:
        return sum(not waiter.done() for waiter in self._waiting)

    async def wait(self, give_back: Callable[[T], object]) -> T:
        """The value, or the exception, of the flight.

        When this is cancelled after the value was handed over, the value would be lost to the
        caller: `give_back` is called with it.
        """
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                give_back(waiter.result())
            raise
        finally:
            self._waiting.discard(waiter)

    def land(self, value: T) -> None:
        self._over.set()
        for waiter in self._undecided():
            waiter.set_result(value)

    def fail(self, error: BaseException) -> None:
        self._over.set()
        for waiter in self._undecided():
            waiter.set_exception(error)

    def _undecided(self) -> list[asyncio.Future[T]]:
        return [waiter for waiter in self._waiting if not waiter.done()]

"""The flights of all keys: which can be joined, which loads, and how one is called off."""

import asyncio
from typing import Generic

from cache.errors import CacheClosed
from cache.flight import Flight
from cache.ports import Key, L


class Flights(Generic[L]):
    """Those under way, each with its task, until it has ended or is called off.

    Of a key there may be several: one that has begun, which it is from its reservation to the end
    of its load, even if it is called off meanwhile; and a newer one, for those who came too late
    to join it. The newest can be joined.
    """

    def __init__(self) -> None:
        self._joinable: dict[Key, Flight[L]] = {}
        self._begun: dict[Key, Flight[L]] = {}
        self._under_way: dict[Flight[L], asyncio.Task[None]] = {}

    @property
    def waiting(self) -> int:
        """Callers who wait for any of them."""
        return sum(flight.waiting for flight in self._under_way)

    def __contains__(self, flight: Flight[L]) -> bool:
        """Is it under way?"""
        return flight in self._under_way

    def joinable(self, key: Key) -> Flight[L] | None:
        return self._joinable.get(key)

    def begun(self, key: Key) -> Flight[L] | None:
        return self._begun.get(key)

    def has_begun(self, flight: Flight[L]) -> bool:
        return self._begun.get(flight.key) is flight

    def next(self, key: Key) -> Flight[L] | None:
        """The one that will make `key` resident next."""
        begun = self._begun.get(key)
        return begun if begun in self._under_way else self._joinable.get(key)

    def add(self, flight: Flight[L], task: asyncio.Task[None]) -> None:
        self._joinable[flight.key] = flight
        self._under_way[flight] = task

    def begin(self, flight: Flight[L]) -> None:
        """It has its reservation."""
        self._begun[flight.key] = flight

    def loaded(self, flight: Flight[L]) -> None:
        """Its load has ended, well or ill."""
        del self._begun[flight.key]

    def remove(self, flight: Flight[L]) -> asyncio.Task[None] | None:
        """It is over; its task, if it was still under way."""
        if self._joinable.get(flight.key) is flight:
            del self._joinable[flight.key]
        return self._under_way.pop(flight, None)

    def call_off(self, flight: Flight[L]) -> None:
        """End it at once; whoever asks from now on starts another."""
        task = self.remove(flight)
        if task is not None:
            task.cancel()
        flight.fail(called_off(flight.key))

    def call_off_all(self) -> None:
        for flight in tuple(self._under_way):
            self.call_off(flight)


def called_off(key: Key) -> CacheClosed:
    return CacheClosed(f"the load of {key} was called off")

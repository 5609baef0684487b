"""Several flights of one key."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cache.flight import Flight
from cache.flights import Flights


class Sky:
    """Two flights of one key: `early` has begun, `late` came when it could not be joined."""

    def __init__(self) -> None:
        self.flights: Flights[Any] = Flights()
        self.early: Flight[Any] = Flight("a", 1, patient=True)
        self.late: Flight[Any] = Flight("a", 2, patient=True)
        self.tasks = [asyncio.create_task(forever()) for _ in range(2)]
        for flight, task in zip((self.early, self.late), self.tasks, strict=True):
            self.flights.add(flight, task)
        self.flights.begin(self.early)


async def forever() -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def sky() -> AsyncIterator[Sky]:
    made = Sky()
    yield made
    for task in made.tasks:
        task.cancel()


async def test_the_newest_is_joined_and_the_one_that_loads_is_next(sky: Sky) -> None:
    """Fault planted: the newest is taken for both."""
    assert sky.flights.joinable("a") is sky.late
    assert sky.flights.next("a") is sky.early


async def test_one_that_is_called_off_is_not_next_although_its_load_has_yet_to_end(
    sky: Sky,
) -> None:
    sky.flights.call_off(sky.early)

    assert sky.early not in sky.flights
    assert sky.flights.has_begun(sky.early)
    assert sky.flights.next("a") is sky.late


async def test_the_tasks_of_all_that_are_called_off_are_cancelled(sky: Sky) -> None:
    """Fault planted: those who wait are told, and the loads go on."""
    sky.flights.call_off_all()

    assert [task.cancelling() for task in sky.tasks] == [1, 1]
    assert sky.flights.joinable("a") is None

"""One outcome for all who wait; each may go away alone."""

import asyncio

import pytest

from cache.flight import Flight
from tests.fakes import settle


def never(value: str) -> None:
    raise AssertionError(f"{value} was given back by one who had it")


async def test_all_who_wait_are_handed_the_same_value() -> None:
    """One landing answers every waiter."""
    flight = Flight[str]("a", turn=1, patient=True)
    waiters = [asyncio.create_task(flight.wait(never)) for _ in range(50)]
    await settle()

    flight.land("value")

    assert await asyncio.gather(*waiters) == ["value"] * 50


async def test_all_who_wait_are_raised_the_same_error() -> None:
    """One failure answers every waiter."""
    flight = Flight[str]("a", turn=1, patient=True)
    waiters = [asyncio.create_task(flight.wait(never)) for _ in range(50)]
    await settle()
    error = OSError("no such file")

    flight.fail(error)

    assert await asyncio.gather(*waiters, return_exceptions=True) == [error] * 50


async def test_one_who_goes_away_leaves_the_others_waiting() -> None:
    """Fault planted: `wait` awaited one future shared by all, and the others went with him."""
    flight = Flight[str]("a", turn=1, patient=True)
    first, second = (asyncio.create_task(flight.wait(never)) for _ in range(2))
    await settle()

    first.cancel()
    await settle()
    flight.land("value")

    assert await second == "value"
    assert first.cancelled()


async def test_one_who_is_on_his_way_out_is_no_longer_counted() -> None:
    """From the moment of the cancellation nothing is reserved for him."""
    flight = Flight[str]("a", turn=1, patient=True)
    waiter = asyncio.create_task(flight.wait(never))
    await settle()
    before = flight.waiting

    waiter.cancel()

    assert (before, flight.waiting) == (1, 0)


async def test_a_value_that_comes_too_late_is_given_back() -> None:
    """Who is cancelled in the step of the landing gives back what he was handed, once."""
    flight = Flight[str]("a", turn=1, patient=True)
    given_back: list[str] = []
    waiter = asyncio.create_task(flight.wait(given_back.append))
    await settle()

    flight.land("value")
    waiter.cancel()
    await asyncio.wait([waiter])

    assert given_back == ["value"]
    assert waiter.cancelled()


async def test_an_error_that_comes_too_late_is_nothing_to_give_back() -> None:
    """Who is cancelled in the step of the failure is cancelled, and that is all."""
    flight = Flight[str]("a", turn=1, patient=True)
    waiter = asyncio.create_task(flight.wait(never))
    await settle()

    flight.fail(OSError("no such file"))
    waiter.cancel()
    await asyncio.wait([waiter])

    assert waiter.cancelled()


async def test_a_deadline_in_the_step_of_the_landing_is_a_timeout() -> None:
    """`asyncio.timeout` takes a plain CancelledError for its own, and no subclass of it."""
    flight = Flight[str]("a", turn=1, patient=True)
    given_back: list[str] = []

    async def impatient() -> None:
        async with asyncio.timeout(None) as deadline:
            asyncio.get_running_loop().call_soon(flight.land, "value")
            deadline.reschedule(0)
            await flight.wait(given_back.append)

    with pytest.raises(TimeoutError):
        await impatient()

    assert given_back == ["value"]


@pytest.mark.parametrize("lands", [True, False])
async def test_the_flight_is_over_whether_it_lands_or_fails(lands: bool) -> None:
    """`over` returns for one who wants no value, only the end."""
    flight = Flight[str]("a", turn=1, patient=True)
    onlooker = asyncio.create_task(flight.over())
    await settle()
    early = onlooker.done()

    if lands:
        flight.land("value")
    else:
        flight.fail(OSError("no such file"))
    await asyncio.wait_for(onlooker, 1)

    assert not early


async def test_a_flight_that_failed_once_can_be_failed_again() -> None:
    """Both who calls a flight off and the load that ends by it may say so."""
    flight = Flight[str]("a", turn=1, patient=True)
    waiter = asyncio.create_task(flight.wait(never))
    await settle()

    flight.fail(OSError("first"))
    flight.fail(OSError("second"))

    with pytest.raises(OSError, match="first"):
        await waiter

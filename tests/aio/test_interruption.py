"""A body that is interrupted ends with the reason for it; other cancellations are none of it."""

import asyncio

import pytest

from models.deadline import Deadlines
from models.errors import DeadlineExceeded
from models.interruption import Interruption
from tests.fakes import settle


class Reason(Exception):
    pass


async def test_an_interrupted_body_ends_with_the_reason() -> None:
    """And the task is as before: nothing of the cancellation is left. Planted: no uncancel."""
    interruption = Interruption(Reason)

    async def body() -> str:
        try:
            with interruption:
                await asyncio.Event().wait()
        except Reason:
            task = asyncio.current_task()
            return f"interrupted, {task.cancelling() if task else None} left"
        return "never"

    working = asyncio.create_task(body())
    await settle()
    interruption.interrupt()
    interruption.interrupt()

    assert await asyncio.wait_for(working, 10) == "interrupted, 0 left"


async def test_a_cancellation_from_elsewhere_passes_through() -> None:
    """Planted fault: every cancellation taken for our own."""
    interruption = Interruption(Reason)

    async def body() -> None:
        with interruption:
            await asyncio.Event().wait()

    for both in (False, True):
        working = asyncio.create_task(body())
        await settle()
        if both:
            interruption.interrupt()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(working, 10)


async def test_the_bodys_own_failure_is_not_replaced() -> None:
    """Planted fault: the reason is raised whatever the body ended with."""
    interruption = Interruption(Reason)

    async def body() -> None:
        with interruption:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ZeroDivisionError from None

    working = asyncio.create_task(body())
    await settle()
    interruption.interrupt()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(working, 10)


async def test_to_interrupt_after_the_end_does_nothing() -> None:
    """Planted fault: the task is remembered after its body."""
    interruption = Interruption(Reason)
    with interruption:
        await settle()
    interruption.interrupt()
    await settle()


async def test_two_who_interrupt_at_once_are_told_apart() -> None:
    """The outer reason holds: for the inner alone would be to go on. Planted: no count."""
    inner, outer = Interruption(ZeroDivisionError), Interruption(Reason)

    async def body() -> None:
        with outer, inner:
            await asyncio.Event().wait()

    working = asyncio.create_task(body())
    await settle()
    inner.interrupt()
    outer.interrupt()
    with pytest.raises(Reason):
        await asyncio.wait_for(working, 10)


async def test_a_deadline_ends_its_body_with_its_message() -> None:
    deadlines = Deadlines(0.001, "too late")
    with pytest.raises(DeadlineExceeded, match="too late"), deadlines.deadline():
        await asyncio.wait_for(asyncio.Event().wait(), 10)


async def test_a_deadline_that_was_kept_leaves_no_alarm() -> None:
    """Planted fault: the alarm is not cancelled."""
    deadlines = Deadlines(60.0)
    with deadlines.deadline():
        await settle()

    assert len(deadlines._alarms) == 0

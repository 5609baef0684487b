"""Alarms ring in their order, once, unless they are cancelled; the loop has one timer for all."""

import asyncio

from models.alarms import Alarms
from tests.fakes import settle


async def rung(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 10)


async def test_each_alarm_rings_in_its_turn() -> None:
    """Planted faults: only the first is rung; the timer is not set again."""
    alarms, order, last = Alarms(0.01), list[int](), asyncio.Event()
    alarms.set(lambda: order.append(1))
    first = alarms.set(lambda: order.append(2))
    while asyncio.get_running_loop().time() < first.at - 0.005:  # noqa: ASYNC110  # time has to pass
        await asyncio.sleep(0)
    alarms.set(last.set)

    await rung(last)

    assert order == [1, 2]
    assert len(alarms) == 0


async def test_a_cancelled_alarm_stays_silent_and_is_not_remembered() -> None:
    """A request sets several, and a thousand requests come before the first would ring.

    Planted faults: cancelled ones are kept until the timer looks; cancelled ones ring.
    """
    alarms, rang, last = Alarms(0.001), list[int](), asyncio.Event()
    for _ in range(1000):
        alarms.set(lambda: rang.append(1)).cancel()
    assert len(alarms) == 0
    alarms.set(last.set)

    await rung(last)

    assert not rang


async def test_an_alarm_may_be_cancelled_again_and_after_it_rang() -> None:
    alarms, once = Alarms(0.001), asyncio.Event()
    alarm = alarms.set(once.set)
    await rung(once)
    alarm.cancel()
    alarm.cancel()

    assert len(alarms) == 0


async def test_a_thousand_alarms_take_one_timer_of_the_loop() -> None:
    """Planted fault: a timer for each."""
    loop, set_at = asyncio.get_running_loop(), list[float]()
    real = loop.call_at

    def counted(when: float, *rest: object, **more: object) -> asyncio.TimerHandle:
        set_at.append(when)
        return real(when, *rest, **more)  # type: ignore[arg-type]

    loop.call_at = counted  # type: ignore[method-assign]
    alarms = Alarms(60.0)
    kept = [alarms.set(lambda: None) for _ in range(1000)]

    assert len(alarms) == 1000
    assert len(set_at) == 1
    for alarm in kept:
        alarm.cancel()


async def test_an_alarm_that_fails_takes_no_other_with_it() -> None:
    """Planted fault: they are called one after another by the timer itself."""
    alarms, last, said = Alarms(0.001), asyncio.Event(), list[object]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: said.append(context["exception"]))

    def fail() -> None:
        raise ZeroDivisionError

    alarms.set(fail)
    alarms.set(last.set)
    await rung(last)
    await settle()

    assert [type(error) for error in said] == [ZeroDivisionError]

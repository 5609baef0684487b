"""What is asked for several times at once is computed once; each who asks may go away alone."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from cache.coalescing import Coalescing
from tests.fakes import settle


class Desk:
    """Work that waits for its gate, counted when it begins and when it is called off."""

    def __init__(self) -> None:
        self.coalescing: Coalescing[str] = Coalescing()
        self.gate = asyncio.Event()
        self.unwound = asyncio.Event()
        self.unwound.set()
        self.begun = 0
        self.called_off = 0
        self.error: Exception | None = None

    def ask(self, key: str = "a") -> asyncio.Task[tuple[str, bool]]:
        return asyncio.create_task(self.coalescing.run(key, self.work(key)))

    def work(self, key: str) -> Callable[[], Coroutine[Any, Any, str]]:
        async def working() -> str:
            self.begun += 1
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.called_off += 1
                await self.unwound.wait()
                raise
            if self.error is not None:
                raise self.error
            return f"{key}{self.begun}"

        return working


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_fifty_who_ask_alike_at_once_share_one_computation(desk: Desk) -> None:
    """And all but the first are told that they have joined."""
    callers = [desk.ask() for _ in range(50)]
    await settle()
    desk.gate.set()

    assert await asyncio.gather(*callers) == [("a1", False)] + [("a1", True)] * 49
    assert (desk.begun, desk.coalescing.joined) == (1, 49)


async def test_what_differs_is_not_shared(desk: Desk) -> None:
    callers = [desk.ask("a"), desk.ask("b")]
    await settle()
    desk.gate.set()

    assert await asyncio.gather(*callers) == [("a2", False), ("b2", False)]
    assert desk.begun == 2


async def test_when_the_first_goes_away_the_next_begins_anew(desk: Desk) -> None:
    """And the others join him. Planted faults: they were cancelled too; each began his own."""
    first, *others = [desk.ask() for _ in range(4)]
    await settle()

    first.cancel()
    await settle()
    desk.gate.set()

    answers = list(await asyncio.gather(*others))
    assert answers == [("a2", False), ("a2", True), ("a2", True)]
    assert first.cancelled()
    assert (desk.begun, desk.called_off, desk.coalescing.joined) == (2, 1, 2)


async def test_one_who_joined_and_goes_away_leaves_the_others_waiting(desk: Desk) -> None:
    """Planted fault: his waiting cancelled what they all wait for."""
    first, second, third = desk.ask(), desk.ask(), desk.ask()
    await settle()

    second.cancel()
    await settle()
    desk.gate.set()

    assert (await first, await third) == (("a1", False), ("a1", True))
    assert second.cancelled()


async def test_when_all_have_gone_away_the_work_is_called_off(desk: Desk) -> None:
    """Planted fault: never cancelled."""
    callers = [desk.ask(), desk.ask()]
    await settle()

    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    await settle()

    assert desk.called_off == 1
    assert len(desk.coalescing) == 0


async def test_who_asks_while_the_work_is_being_called_off_waits_and_has_his_own(
    desk: Desk,
) -> None:
    """Planted fault: he was cancelled with it."""
    desk.unwound.clear()
    first = desk.ask()
    await settle()
    first.cancel()
    await settle()

    second = desk.ask()
    await settle()
    desk.unwound.set()
    desk.gate.set()

    assert desk.called_off == 1
    assert await second == ("a2", False)


async def fail(desk: Desk, joined: int) -> None:
    """The first is told of the error, when those who had joined him have left."""
    desk.error = OSError("no such file")
    first, others = desk.ask(), [desk.ask() for _ in range(joined)]
    await settle()
    for other in others:
        other.cancel()
    await settle()
    desk.gate.set()
    with pytest.raises(OSError, match="no such file"):
        await first
    desk.error = None


@pytest.mark.parametrize("joined", [0, 1])
async def test_an_error_that_nobody_else_waits_for_is_no_loose_end(desk: Desk, joined: int) -> None:
    """Planted fault: it was put into a future of which nobody took it."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    await fail(desk, joined)
    await settle()
    gc.collect()

    assert not told


async def test_an_error_is_everybody_s_who_waited_and_the_next_asks_again(desk: Desk) -> None:
    """Planted fault: work that has failed stays."""
    desk.error = OSError("no such file")
    callers = [desk.ask(), desk.ask()]
    await settle()
    desk.gate.set()

    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    desk.error = None

    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]
    assert await desk.ask() == ("a2", False)


async def test_one_whose_time_is_up_sooner_waits_no_longer(desk: Desk) -> None:
    """And the one who has time is answered."""
    patient = desk.ask()
    await settle()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await desk.coalescing.run("a", desk.work("a"))
    desk.gate.set()

    assert await patient == ("a1", False)
    assert desk.begun == 1


async def test_nothing_is_kept_of_what_was_computed(desk: Desk) -> None:
    """To keep it is for others. Planted fault: work that has ended stays."""
    desk.gate.set()
    await desk.ask()

    assert len(desk.coalescing) == 0
    assert await desk.ask() == ("a2", False)

"""The gate before the runners, on fake runners whose every answer waits for the test."""

import asyncio
import gc
from collections import defaultdict
from typing import Any

import pytest

from models.dispatch import Dispatcher, Turnstile
from models.engines import Row
from models.errors import InferenceFailed, ModelError, RunnerDied
from models.runner import Answer


class FakeRunner:
    """Answers a text when the test says so; `inside` are the texts it works on."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.started: list[str] = []
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._errors: dict[str, ModelError] = {}

    async def predict(self, text: str, *, timeout: float) -> Answer:
        self.inside.append(text)
        self.started.append(text)
        await self._gates[text].wait()
        self.inside.remove(text)
        if text in self._errors:
            raise self._errors[text]
        return answer(text)

    def finish(self, *texts: str) -> None:
        for text in texts:
            self._gates[text].set()

    def fail(self, text: str, error: ModelError) -> None:
        self._errors[text] = error
        self.finish(text)


def answer(text: str) -> Answer:
    return Answer(Row((1.0,), len(text), truncated=False), 0.0)


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def ask(
    dispatcher: Dispatcher, runner: FakeRunner, *texts: str, alone: bool = False
) -> asyncio.Task[list[Answer]]:
    async def together() -> list[Answer]:
        asked = (dispatcher.predict(runner, text, timeout=1, alone=alone) for text in texts)
        return await asyncio.gather(*asked)

    task = asyncio.create_task(together())
    await settle()
    return task


async def test_all_runners_together_work_on_no_more_texts_than_there_are_cores() -> None:
    """Planted fault: a semaphore for each runner let four in."""
    dispatcher, one, other = Dispatcher(2), FakeRunner(), FakeRunner()
    first = await ask(dispatcher, one, "a", "b")
    second = await ask(dispatcher, other, "c", "d")

    assert (one.inside, other.inside) == (["a", "b"], [])

    one.finish("a", "b")
    other.finish("c", "d")
    await asyncio.gather(first, second)


async def test_single_texts_are_answered_first_come_first_served() -> None:
    dispatcher, runner = Dispatcher(1), FakeRunner()
    tasks = [await ask(dispatcher, runner, text) for text in "abc"]

    runner.finish("a", "b", "c")
    await asyncio.gather(*tasks)

    assert runner.started == ["a", "b", "c"]


async def test_a_caller_who_leaves_takes_back_what_was_not_sent() -> None:
    dispatcher, runner = Dispatcher(1), FakeRunner()
    first = await ask(dispatcher, runner, "a")
    gone = await ask(dispatcher, runner, "b")

    gone.cancel()
    runner.finish("a")
    await first
    await settle()

    assert runner.started == ["a"]


async def test_a_text_whose_caller_left_keeps_its_core_until_it_is_answered() -> None:
    """Planted fault: without the shield the second text ran beside the abandoned one."""
    dispatcher, runner = Dispatcher(1), FakeRunner()
    gone = await ask(dispatcher, runner, "a")
    gone.cancel()
    waiting = await ask(dispatcher, runner, "b")

    assert runner.inside == ["a"]

    runner.finish("a", "b")
    assert await waiting == [answer("b")]


async def test_an_abandoned_text_that_fails_disturbs_nobody() -> None:
    dispatcher, runner = Dispatcher(1), FakeRunner()
    gone = await ask(dispatcher, runner, "a")
    gone.cancel()
    runner.fail("a", RunnerDied("ended"))
    await settle()

    runner.finish("b")
    assert await dispatcher.predict(runner, "b", timeout=1) == answer("b")


async def test_each_caller_gets_his_own_error() -> None:
    dispatcher, runner = Dispatcher(2), FakeRunner()
    bad = await ask(dispatcher, runner, "bad")
    good = await ask(dispatcher, runner, "good")

    runner.fail("bad", InferenceFailed("no tokens"))
    runner.finish("good")

    with pytest.raises(InferenceFailed, match="no tokens"):
        await bad
    assert await good == [answer("good")]


async def test_a_suspect_waits_until_the_others_are_out_and_keeps_them_out() -> None:
    """Planted fault: entering without looking at who is inside put both together."""
    dispatcher, runner = Dispatcher(4), FakeRunner()
    early = await ask(dispatcher, runner, "early")
    suspect = await ask(dispatcher, runner, "suspect", alone=True)
    late = await ask(dispatcher, runner, "late")
    assert runner.inside == ["early"]

    runner.finish("early")
    await settle()
    assert runner.inside == ["suspect"]

    runner.finish("suspect", "late")
    await asyncio.gather(early, suspect, late)
    assert runner.started == ["early", "suspect", "late"]


async def test_suspects_go_one_at_a_time() -> None:
    dispatcher, runner = Dispatcher(4), FakeRunner()
    both = await ask(dispatcher, runner, "p", "q", alone=True)
    another = await ask(dispatcher, runner, "r", alone=True)

    for text in "pqr":
        assert runner.inside == [text]
        runner.finish(text)
        await settle()

    await asyncio.gather(both, another)


async def test_a_suspect_holds_up_no_other_runner() -> None:
    dispatcher, runner, other = Dispatcher(2), FakeRunner(), FakeRunner()
    first = await ask(dispatcher, runner, "a")
    suspect = await ask(dispatcher, runner, "suspect", alone=True)

    other.finish("b")
    assert await dispatcher.predict(other, "b", timeout=1) == answer("b")

    runner.finish("a", "suspect")
    await asyncio.gather(first, suspect)


async def test_a_suspect_who_leaves_the_queue_lets_the_others_in() -> None:
    """Planted fault: a place given up while at the head kept everyone behind it out."""
    dispatcher, runner = Dispatcher(4), FakeRunner()
    early = await ask(dispatcher, runner, "early")
    suspect = await ask(dispatcher, runner, "suspect", alone=True)
    late = await ask(dispatcher, runner, "late")

    suspect.cancel()
    await settle()

    assert runner.inside == ["early", "late"]
    runner.finish("early", "late")
    await asyncio.gather(early, late)


async def test_a_place_granted_to_one_who_leaves_at_that_moment_is_passed_on() -> None:
    """Planted fault: without giving it back nobody came in any more."""
    turnstile = Turnstile()

    async def enter() -> None:
        async with turnstile.hold(alone=True):
            pass

    async with turnstile.hold(alone=False):
        leaving, next_one = asyncio.create_task(enter()), asyncio.create_task(enter())
        await settle()
    leaving.cancel()

    await asyncio.wait_for(next_one, 1)
    assert leaving.cancelled()


async def test_a_failure_that_nobody_waits_for_any_more_is_no_complaint_of_the_loop() -> None:
    """Fault found: "Task exception was never retrieved" for each caller who left too early."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about))
    dispatcher, runner = Dispatcher(1), FakeRunner()
    left = await ask(dispatcher, runner, "a")

    left.cancel()
    runner.fail("a", RunnerDied("it ended"))
    await settle()
    del left
    gc.collect()

    assert complaints == []

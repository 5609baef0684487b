"""Texts on their way to runners: fakes whose every answer waits for the test."""

import asyncio
import gc
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from models.dispatch import Dispatcher
from models.engines import Row
from models.errors import InferenceFailed, ModelError, RunnerDied, RunnerGone
from models.runner import Answer
from models.turns import MOST_TEXTS


class FakeRunner:
    """Ends a run when the test has said so of each of its texts; `inside` are those it has."""

    def __init__(self, device: str = "cpu", *, batch_proof: bool = False) -> None:
        self.device = device
        self.batch_proof = batch_proof
        self.inside: list[str] = []
        self.runs: list[list[str]] = []
        self.timeouts: list[float] = []
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._errors: dict[str, ModelError] = {}

    async def predict(
        self, texts: Sequence[str], *, timeout: float
    ) -> list[Answer | InferenceFailed]:
        self.inside.extend(texts)
        self.runs.append(list(texts))
        self.timeouts.append(timeout)
        for text in texts:
            await self._gates[text].wait()
        for text in texts:
            self.inside.remove(text)
        errors = {text: self._errors[text] for text in texts if text in self._errors}
        for error in errors.values():
            if not isinstance(error, InferenceFailed):
                raise error
        return [self._errors.get(text) or answer(text) for text in texts]  # type: ignore[misc]

    @property
    def started(self) -> list[str]:
        return [text for run in self.runs for text in run]

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
) -> asyncio.Task[list[Answer | RunnerDied]]:
    """One caller with these texts."""
    task = asyncio.create_task(dispatcher.predict(runner, texts, timeout=1, alone=alone))
    await settle()
    return task


async def test_all_runners_together_work_on_no_more_texts_than_there_are_cores() -> None:
    """Planted fault: letting each runner have all cores let four in."""
    dispatcher, one, other = Dispatcher(2), FakeRunner(), FakeRunner()
    first = await ask(dispatcher, one, "a")
    second = await ask(dispatcher, other, "b", "c")
    third = await ask(dispatcher, one, "d")

    assert (one.inside, other.inside) == (["a"], ["b"])

    one.finish("a", "d")
    other.finish("b", "c")
    await asyncio.gather(first, second, third)


async def test_a_runner_with_all_cores_has_its_next_text_with_it_already() -> None:
    """One for two cores; it has the time of the one before it, too.

    Planted fault: a next text of a runner that shares the cores was more work than they are.
    """
    dispatcher, runner = Dispatcher(2), FakeRunner()
    task = await ask(dispatcher, runner, *"abcde")

    assert runner.inside == ["a", "b", "c"]
    assert runner.timeouts == [1, 1, 2]

    runner.finish(*"abcde")
    await task


async def test_a_next_text_does_not_overtake_one_that_waits_for_another_runner() -> None:
    """Planted fault: looking further than the first who waits sent it at once."""
    dispatcher, busy, other = Dispatcher(1), FakeRunner(), FakeRunner()
    first = await ask(dispatcher, busy, "a")
    waiting = await ask(dispatcher, other, "b")
    late = await ask(dispatcher, busy, "c")
    assert busy.inside == ["a"]

    busy.finish("a")
    await first
    await settle()
    assert (busy.inside, other.inside) == ([], ["b"])

    other.finish("b")
    busy.finish("c")
    await asyncio.gather(waiting, late)


async def test_single_texts_are_answered_first_come_first_served() -> None:
    dispatcher, runner = Dispatcher(1), FakeRunner()
    tasks = [await ask(dispatcher, runner, text) for text in "abc"]

    runner.finish("a", "b", "c")
    await asyncio.gather(*tasks)

    assert runner.started == ["a", "b", "c"]


async def test_a_caller_who_leaves_takes_back_what_was_not_sent() -> None:
    dispatcher, runner = Dispatcher(1), FakeRunner()
    first = await ask(dispatcher, runner, "a", "b")
    gone = await ask(dispatcher, runner, "c")

    gone.cancel()
    runner.finish("a", "b")
    await first
    await settle()

    assert runner.started == ["a", "b"]


async def test_a_text_whose_caller_left_keeps_its_core_until_it_is_answered() -> None:
    """Planted fault: ending its run with the caller let another text run beside it."""
    dispatcher, runner, other = Dispatcher(1), FakeRunner(), FakeRunner()
    gone = await ask(dispatcher, runner, "a")
    gone.cancel()
    waiting = await ask(dispatcher, other, "b")

    assert (runner.inside, other.inside) == (["a"], [])

    runner.finish("a")
    other.finish("b")
    assert await waiting == [answer("b")]


async def test_an_abandoned_text_that_fails_disturbs_nobody() -> None:
    dispatcher, runner = Dispatcher(1), FakeRunner()
    gone = await ask(dispatcher, runner, "a")
    gone.cancel()
    runner.fail("a", RunnerDied("ended"))
    await settle()

    runner.finish("b")
    assert await dispatcher.predict(runner, ["b"], timeout=1) == [answer("b")]


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
    assert await dispatcher.predict(other, ["b"], timeout=1) == [answer("b")]

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


async def test_the_first_fault_of_a_caller_takes_back_the_rest_of_his_texts() -> None:
    """Planted fault: without taking them back all were read for an answer nobody gets."""
    dispatcher, runner = Dispatcher(1), FakeRunner()
    task = await ask(dispatcher, runner, *"abcd")

    runner.fail("a", InferenceFailed("no tokens"))

    with pytest.raises(InferenceFailed):
        await task
    assert runner.started == ["a", "b"]
    runner.finish("b")


async def test_texts_that_a_dead_runner_was_not_sent_are_not_suspected() -> None:
    """Planted fault: without an outcome of their own they were waited for in vain."""
    dispatcher, runner = Dispatcher(1), FakeRunner()
    task = await ask(dispatcher, runner, *"abc")

    runner.fail("a", RunnerDied("it ended"))
    runner.fail("b", RunnerDied("it ended"))

    outcomes = await asyncio.wait_for(task, 1)
    assert [type(outcome) for outcome in outcomes] == [RunnerDied, RunnerDied, RunnerGone]


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize("setting", ["auto", "single", "batch"])
async def test_a_runner_that_is_not_batch_proof_never_has_two_texts_in_a_run(
    device: str, setting: str
) -> None:
    """Planted fault: batching on a GPU by the device alone sent all that waited together."""
    dispatcher, runner = Dispatcher(2, setting), FakeRunner(device)
    runner.finish(*"abcdefgh")

    await asyncio.gather(*[await ask(dispatcher, runner, *texts) for texts in ("abcdef", "gh")])

    assert all(len(run) == 1 for run in runner.runs)


async def test_a_gpu_is_sent_all_that_waits_whenever_it_is_free() -> None:
    dispatcher, runner = Dispatcher(2), FakeRunner("cuda:0", batch_proof=True)
    tasks = [await ask(dispatcher, runner, text) for text in "abcde"]
    assert runner.runs == [["a"]]

    runner.finish(*"abcde")
    assert await asyncio.gather(*tasks) == [[answer(text)] for text in "abcde"]
    assert runner.runs == [["a"], ["b", "c", "d", "e"]]


async def test_a_gpu_takes_no_core_from_the_others() -> None:
    """Planted fault: one place for all devices left the CPU idle while the GPU was busy."""
    dispatcher, gpu, cpu = Dispatcher(1), FakeRunner("cuda:0", batch_proof=True), FakeRunner()
    tasks = [await ask(dispatcher, gpu, "a"), await ask(dispatcher, cpu, "b")]

    assert (gpu.inside, cpu.inside) == (["a"], ["b"])

    gpu.finish("a")
    cpu.finish("b")
    await asyncio.gather(*tasks)


async def test_a_single_text_is_in_the_next_batch_whoever_asks_for_a_thousand() -> None:
    """Planted fault: taking all of the first caller's texts first put it into the sixteenth."""
    dispatcher, runner = Dispatcher(2), FakeRunner("cuda:0", batch_proof=True)
    many = await ask(dispatcher, runner, *["many"] * 1000)
    single = await ask(dispatcher, runner, "single")

    runner.finish("many", "single")
    await asyncio.gather(many, single)

    assert [len(run) for run in runner.runs[:3]] == [MOST_TEXTS] * 3
    assert "single" in runner.runs[1]


async def test_in_a_batch_each_caller_gets_his_own_answer_or_error() -> None:
    dispatcher, runner = Dispatcher(2), FakeRunner("cuda:0", batch_proof=True)
    first = await ask(dispatcher, runner, "first")
    good, bad = [await ask(dispatcher, runner, text) for text in ("good", "bad")]

    runner.finish("first", "good")
    runner.fail("bad", InferenceFailed("no tokens"))

    with pytest.raises(InferenceFailed, match="no tokens"):
        await bad
    assert [await first, await good] == [[answer("first")], [answer("good")]]
    assert runner.runs == [["first"], ["good", "bad"]]


async def test_a_caller_who_left_is_in_no_batch() -> None:
    """Planted fault: without taking his texts back they were in the next one."""
    dispatcher, runner = Dispatcher(2), FakeRunner("cuda:0", batch_proof=True)
    tasks = [await ask(dispatcher, runner, text) for text in "abc"]

    tasks[1].cancel()
    runner.finish(*"abc")
    await asyncio.wait(tasks)

    assert runner.runs == [["a"], ["c"]]


async def test_a_suspect_is_in_a_batch_of_his_own() -> None:
    dispatcher, runner = Dispatcher(2), FakeRunner("cuda:0", batch_proof=True)
    tasks = [await ask(dispatcher, runner, text) for text in "ab"]
    tasks.append(await ask(dispatcher, runner, "suspect", alone=True))
    tasks.append(await ask(dispatcher, runner, "c"))

    runner.finish(*"abc", "suspect")
    await asyncio.gather(*tasks)

    assert runner.runs == [["a"], ["b"], ["suspect"], ["c"]]

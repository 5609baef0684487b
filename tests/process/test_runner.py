"""Runner processes on tiny real models: answers, deadlines, deaths, and what they leave."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from models.engines.onnx import OnnxEngine
from models.errors import (
    DeadlineExceeded,
    InferenceFailed,
    RunnerDied,
)
from models.forkserver import ForkServer
from models.runner import Answer, Runner
from models.runner_main import NICENESS, OOM_SCORE
from tests import tiny
from tests.process.processes import LONG, ask, lives
from tests.process.test_embedded import order as embedded

pytestmark = pytest.mark.process

_MB = 1024 * 1024


async def sent(runner: Runner, text: str, deadline: float = LONG) -> asyncio.Task[object]:
    """A prediction that the runner has begun: a later one was answered."""
    task = asyncio.create_task(ask(runner, text, timeout=deadline))
    await asyncio.sleep(0)
    await ask(runner, "red")
    return task


def oom_score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


async def test_a_runner_answers_as_the_engine_does(runner: Runner, tmp_path: Path) -> None:
    engine = OnnxEngine(tmp_path / "looping", tiny.LABELS, 16)
    texts = ["red", "green green a b c", "", "blue " * 40, "ünïcode ☃ \x00 \U0001f600"]

    answers = [await ask(runner, text) for text in texts]

    assert [answer.row for answer in answers] == [engine.predict([text])[0] for text in texts]
    assert all(0 < answer.seconds < LONG for answer in answers)
    assert runner.labels == tiny.LABELS


async def test_every_caller_gets_his_own_answer(runner: Runner) -> None:
    counts = [(number % 5, number % 3, number % 2) for number in range(100)]
    texts = ["red " * red + "green " * green + "blue " * blue for red, green, blue in counts]

    answers = await asyncio.gather(*(ask(runner, text) for text in texts))

    for answer, count in zip(answers, counts, strict=True):
        assert answer.row.probabilities == pytest.approx(tiny.expected(*count))


async def test_an_error_over_one_text_is_that_callers_alone(runner: Runner) -> None:
    bad, good = await asyncio.gather(
        ask(runner, "unanswerable"),
        ask(runner, "red"),
        return_exceptions=True,
    )

    assert isinstance(bad, InferenceFailed)
    assert str(bad) == "the model's answer is not a number"
    assert not isinstance(good, BaseException)


async def test_an_error_of_a_foreign_library_is_told_with_its_type(runner: Runner) -> None:
    with pytest.raises(InferenceFailed, match=r"^(TypeError|UnicodeEncodeError): "):
        await ask(runner, "\ud800")


async def test_a_caller_who_leaves_does_not_disturb_the_runner(runner: Runner) -> None:
    leaving = await sent(runner, "forever")

    leaving.cancel()
    await asyncio.wait([leaving])

    assert (await ask(runner, "red")).row.tokens == 3


async def test_an_answer_that_nobody_waits_for_is_dropped(runner: Runner) -> None:
    """Planted fault: calls are remembered after their answers."""
    left = runner.predict(["red"], timeout=60.0)
    left.cancel()

    async with asyncio.timeout(60.0):
        while runner._child._calls:
            assert (await ask(runner, "red")).row.tokens == 3


async def test_a_text_that_is_too_much_for_a_frame_is_refused_and_nothing_is_left(
    runner: Runner,
) -> None:
    """Planted fault: the error raised where the text was to be sent, out of its future."""
    huge = runner.predict(["a" * (17 * 1024 * 1024)], timeout=60.0)

    with pytest.raises(InferenceFailed, match="is longer than"):
        await huge
    assert not runner._child._calls
    assert not any(map(len, runner._alarms.values()))
    assert (await ask(runner, "red")).row.tokens == 3


async def test_a_killed_runner_is_noticed_and_its_calls_fail(runner: Runner) -> None:
    """Planted fault: without failing them when the connection was lost they waited on."""
    pending = await sent(runner, "forever")

    os.kill(runner.pid, signal.SIGKILL)

    with pytest.raises(RunnerDied):
        await asyncio.wait_for(pending, LONG)
    await asyncio.wait_for(runner.wait_ended(), LONG)
    with pytest.raises(RunnerDied):
        await ask(runner, "red")
    assert await runner.measure() == 0


async def test_a_hung_text_is_ended_at_its_deadline_with_its_runner(runner: Runner) -> None:
    """Planted fault: without the kill the endless inference went on burning a core."""
    neighbour = await sent(runner, "forever")

    with pytest.raises(DeadlineExceeded, match=r"0\.2 s"):
        await ask(runner, "forever", timeout=0.2)

    with pytest.raises(RunnerDied):
        await asyncio.wait_for(neighbour, LONG)
    await asyncio.wait_for(runner.wait_ended(), LONG)
    assert not lives(runner.pid)


async def test_a_stopped_runner_does_not_block_the_loop(runner: Runner) -> None:
    """Planted fault: a blocking `sendall` stood still until the rescue killed the runner."""
    os.kill(runner.pid, signal.SIGSTOP)
    rescue = threading.Timer(LONG, os.kill, (runner.pid, signal.SIGKILL))
    rescue.start()

    began = time.monotonic()
    outcomes = await asyncio.gather(
        *(ask(runner, "x" * _MB, timeout=2) for _ in range(40)), return_exceptions=True
    )
    rescue.cancel()

    assert time.monotonic() - began < LONG
    assert {type(outcome) for outcome in outcomes} <= {DeadlineExceeded, RunnerDied}
    refused = [outcome for outcome in outcomes if "does not read" in str(outcome)]
    assert len(refused) > 20
    await asyncio.wait_for(runner.wait_ended(), LONG)


async def test_interrupts_and_terminations_are_ignored(runner: Runner) -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM):
        os.kill(runner.pid, ignored)

    assert (await ask(runner, "red")).row.tokens == 3


async def test_a_runner_yields_to_the_service(runner: Runner) -> None:
    """Several busy runners on all cores would keep the service from answering."""
    assert psutil.Process(runner.pid).nice() == psutil.Process().nice() + NICENESS
    assert oom_score(runner.pid) >= OOM_SCORE


async def test_a_runner_is_scheduled_as_usual_whoever_started_it(
    forkserver: ForkServer, tmp_path: Path
) -> None:
    """Planted fault: it inherits how the service is scheduled."""
    for pid in forkserver.pids:
        os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
    order = tiny.order(tiny.write_looping_model(tmp_path / "looping"))

    runner = await Runner.start(forkserver, order, timeout=LONG)
    try:
        assert os.sched_getscheduler(runner.pid) == os.SCHED_OTHER
    finally:
        await runner.close()


@pytest.mark.parametrize("stopped", [False, True])
async def test_close_returns_when_the_process_is_gone(runner: Runner, stopped: bool) -> None:
    """Planted fault: without the kill after the grace a stopped one was waited for in vain."""
    await sent(runner, "forever")
    if stopped:
        os.kill(runner.pid, signal.SIGSTOP)

    closing = asyncio.create_task(runner.close())
    await asyncio.wait([closing], timeout=LONG)

    assert closing.done()
    assert not lives(runner.pid)
    assert runner.footprint == 0


async def test_close_may_be_called_again_by_anyone_at_any_time(runner: Runner) -> None:
    await asyncio.gather(runner.close(), runner.close())
    await runner.close()
    await runner.wait_ended()

    with pytest.raises(RunnerDied):
        await ask(runner, "red")


async def test_a_cancelled_close_finishes_first(runner: Runner) -> None:
    """Planted fault: without the shield the stopped process lived on."""
    os.kill(runner.pid, signal.SIGSTOP)
    closing = asyncio.create_task(runner.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])

    assert closing.cancelled()
    assert not lives(runner.pid)


async def test_texts_of_one_run_have_each_his_own_answer_or_error(runner: Runner) -> None:
    """The error of one fails the engine's run, so each is asked alone then.

    Planted fault: without that all of them had the error.
    """
    outcomes = await runner.predict(["red", "unanswerable", "\ud800", "blue"], timeout=LONG)

    red, unanswerable, unreadable, blue = outcomes
    assert isinstance(red, Answer)
    assert isinstance(blue, Answer)
    assert red.row.probabilities == pytest.approx(tiny.expected(1, 0, 0))
    assert blue.row.probabilities == pytest.approx(tiny.expected(0, 0, 1))
    assert isinstance(unanswerable, InferenceFailed)
    assert isinstance(unreadable, InferenceFailed)


async def test_nobody_knows_which_of_several_texts_it_hangs_on(runner: Runner) -> None:
    """So they are suspects, as those of a runner that died; alone, the guilty one is known.

    Planted fault: the same error for several as for one made the innocent fail.
    """
    with pytest.raises(RunnerDied, match=r"0\.2 s"):
        await runner.predict(["red", "forever"], timeout=0.2)


async def test_a_runner_says_where_it_computes_and_whether_texts_may_be_sent_together(
    runner: Runner, forkserver: ForkServer
) -> None:
    """Planted faults: always together, and never."""
    int8 = await Runner.start(forkserver, embedded(), timeout=LONG)

    assert (runner.device, runner.batch_proof) == ("cpu", True)
    assert (int8.device, int8.batch_proof) == ("cpu", False)
    await int8.close()


async def test_a_runner_works_on_as_many_texts_as_it_was_told_and_no_more(
    runner: Runner,
) -> None:
    """Besides the thread that waits for the end of the socket.

    Fault found: a load that came before the first thread was counted started one too many.
    """
    threads = psutil.Process(runner.pid).num_threads()

    assert threads == tiny.order(Path()).threads + 1


async def test_a_busy_runner_notices_the_end_of_the_service(runner: Runner) -> None:
    """Planted fault: where only free threads read, it lived on in its endless inferences."""
    hanging = [asyncio.create_task(ask(runner, "forever")) for _ in range(4)]
    await asyncio.sleep(0)
    assert runner._child._transport is not None

    runner._child._closing = asyncio.create_task(asyncio.sleep(0))  # nobody kills it
    runner._child._transport.abort()
    await asyncio.wait_for(runner.wait_ended(), LONG)

    await asyncio.gather(*hanging, return_exceptions=True)

"""A runner: the process that holds one model, as the service uses it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from models import footprint, oom
from models.alarms import Alarms
from models.child import CallFailed, Child, reason
from models.engines import Row
from models.errors import (
    DeadlineExceeded,
    InferenceFailed,
    LoadOutOfMemory,
    ModelError,
    ModelLoadFailed,
    RunnerDied,
)
from models.forkserver import ForkServer


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What a runner is to load: the folder `path`, by the engine of that name.

    `threads` texts are worked on at once, each by `intra_op` threads. `compiled` says that the
    graph was optimised when it was registered, so that loading need not do it. `device` is
    "auto", "cpu", "cuda" or "cuda:N". At most `max_windows` windows are read of a long text;
    `harmless` is the label whose lowest probability makes a window the worst one, None where the
    model has none.
    """

    engine: str
    path: Path
    labels: tuple[str, ...]
    max_length: int
    threads: int
    intra_op: int = 1
    compiled: bool = False
    device: str = "cpu"
    max_windows: int = 16
    harmless: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One text's row; `seconds` is its share of the time that was spent in the engine."""

    row: Row
    seconds: float


class Runner:
    """Satisfies the cache's `Loaded`. Made by `start`; closing it frees all its memory."""

    def __init__(self, child: Child, order: LoadOrder, *, device: str, batch_proof: bool) -> None:
        self._child = child
        self._order = order
        self.device = device
        self.batch_proof = batch_proof
        self._footprint = 0
        self._alarms: dict[float, Alarms] = {}
        """By the seconds that a run may take."""
        self.started_at = datetime.now(UTC)

    @classmethod
    async def start(cls, forkserver: ForkServer, order: LoadOrder, *, timeout: float) -> Self:
        """Fork, load and measure within `timeout` seconds. Raises ModelLoadFailed.

        It is a LoadOutOfMemory where that was the cause. When it raises, or is cancelled, the
        process is gone.
        """
        kills = oom.kills()
        try:
            async with asyncio.timeout(timeout):
                return await cls._start(forkserver, order)
        except TimeoutError as error:
            raise ModelLoadFailed(f"loading timed out after {timeout:g} s") from error
        except RunnerDied as error:
            if oom.kills() > kills:
                raise LoadOutOfMemory("the kernel ran out of memory during the load") from error
            raise ModelLoadFailed("the runner process died while it loaded the model") from error
        except CallFailed as error:
            kind = LoadOutOfMemory if oom.is_meant_by(str(error)) else ModelLoadFailed
            raise kind(str(error)) from error

    @classmethod
    async def _start(cls, forkserver: ForkServer, order: LoadOrder) -> Self:
        child = await Child.start(forkserver)
        try:
            loaded = await child.call("load", **(asdict(order) | {"path": str(order.path)}))
            runner = cls(child, order, **loaded)
            await runner.measure()
        except BaseException:
            await child.close(grace=0)
            raise
        return runner

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def labels(self) -> tuple[str, ...]:
        return self._order.labels

    @property
    def footprint(self) -> int:
        """Bytes, as last measured."""
        return self._footprint

    async def measure(self) -> int:
        """Measure off the event loop, remember and return the footprint; 0 once it has ended."""
        measured = await asyncio.to_thread(footprint.footprint, self.pid, self._order.path)
        self._footprint = 0 if measured is None or self._child.ended else measured
        return self._footprint

    def predict(
        self, texts: Sequence[str], *, timeout: float
    ) -> asyncio.Future[list[Answer | InferenceFailed]]:
        """Classify `texts` in one run; each gets its answer, or InferenceFailed for its own fault.

        `timeout` (seconds) is for an engine that hangs, which nothing can interrupt: the process
        is killed, and this call fails with DeadlineExceeded; but with RunnerDied, as the others in
        it do, if there are several texts, for any of them may be what it hangs on. A caller with
        less patience cancels; the runner then goes on.
        """
        alarms = self._alarms.get(timeout) or self._alarms.setdefault(timeout, Alarms(timeout))
        late = alarms.set(lambda: self._hangs(answers, texts, timeout))

        def read(answer: Mapping[str, Any]) -> list[Answer | InferenceFailed]:
            late.cancel()
            return _answers(answer)

        answers = self._child.ask("predict", {"texts": texts}, read, InferenceFailed)
        if answers.done():
            late.cancel()
        return answers

    def _hangs(self, answers: asyncio.Future[Any], texts: Sequence[str], timeout: float) -> None:
        if not answers.done():
            fault = DeadlineExceeded if len(texts) == 1 else RunnerDied
            answers.set_exception(fault(f"no answer in {timeout:g} s; the runner was ended"))
            self._child.kill()

    async def close(self) -> None:
        """Return when the process is gone. May be called again; finishes even when cancelled."""
        await self._child.close()
        self._footprint = 0

    async def wait_ended(self) -> None:
        await self._child.wait_ended()


def _answers(answer: Mapping[str, Any]) -> list[Answer | InferenceFailed]:
    """Each text's; the seconds are its share of the run's."""
    rows = answer["rows"]
    return [_answer(row, answer["seconds"] / len(rows)) for row in rows]


def _answer(row: Mapping[str, Any], seconds: float) -> Answer | InferenceFailed:
    if "error" in row:
        return InferenceFailed(reason(row["error"]))
    said = row["row"]
    probabilities = tuple(said["probabilities"])
    return Answer(Row(probabilities, said["tokens"], said["truncated"], said["windows"]), seconds)


async def run_in_child(
    forkserver: ForkServer, target: str, arguments: Mapping[str, Any], *, timeout: float
) -> Any:
    """Call `target` ("package.module:function") with `arguments` in a child of its own.

    Arguments and result are what JSON can say. Raises ModelError with the function's reason,
    when the child dies, or after `timeout` seconds; the child is gone on return.
    """
    try:
        async with asyncio.timeout(timeout):
            child = await Child.start(forkserver)
            try:
                answer = await child.call("call", target=target, arguments=dict(arguments))
            finally:
                await child.close(grace=0)
    except TimeoutError as error:
        raise ModelError(f"{target} timed out after {timeout:g} s") from error
    return answer["result"]

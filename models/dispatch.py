"""Sends texts to the runners, in the order and company that `turns` decides.

All runners on the CPU share its cores, so they have their turns together. Each on a GPU has its
own, and is sent what waits for it whenever it is free.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from weakref import WeakKeyDictionary

from models.errors import InferenceFailed, RunnerDied, RunnerGone
from models.runner import Answer
from models.turns import Caller, Lane, Run, Turns, texts_a_run

Outcome = Answer | RunnerDied
_Sent = asyncio.Future[list[Answer | InferenceFailed]]


_AHEAD = 0.01
"""Seconds of work that a runner may have in its socket: by then the event loop has come to it."""


class Classifier(Protocol):
    """A runner, as far as texts are concerned."""

    @property
    def device(self) -> str: ...

    @property
    def batch_proof(self) -> bool: ...

    def predict(
        self, texts: Sequence[str], *, timeout: float
    ) -> Awaitable[list[Answer | InferenceFailed]]: ...


@dataclass(eq=False, slots=True)
class _Asking(Caller):
    """A caller who waits for `answered`: until each of his texts has an outcome, or one fails."""

    runner: Classifier = field(kw_only=True)
    timeout: float = field(kw_only=True)
    answered: asyncio.Future[list[Outcome]] = field(kw_only=True)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def take(self, place: int, outcome: Outcome | BaseException) -> None:
        if self.answered.done():
            return
        if not isinstance(outcome, Outcome):
            self.answered.set_exception(outcome)
            return
        if isinstance(outcome, RunnerDied):
            gone = RunnerGone(str(outcome))
            self.outcomes |= dict.fromkeys(self.unsent, gone)
        self.outcomes[place] = outcome
        if len(self.outcomes) == len(self.texts):
            self.answered.set_result([self.outcomes[place] for place in range(len(self.texts))])


_Turns = Turns[_Asking]


@dataclass(frozen=True, slots=True)
class _Way:
    """To one runner."""

    turns: _Turns
    lane: Lane


class Dispatcher:
    """At most `cores` texts are worked on by the CPU; `dispatch` is the setting of that name."""

    def __init__(self, cores: int, dispatch: str = "auto") -> None:
        self._cores = cores
        self._dispatch = dispatch
        self._cpu = _Turns(cores, ahead=_AHEAD)
        self._ways: WeakKeyDictionary[Classifier, _Way] = WeakKeyDictionary()
        self._sent: set[_Sent] = set()

    async def predict(
        self, runner: Classifier, texts: Sequence[str], *, timeout: float, alone: bool = False
    ) -> list[Outcome]:
        """Each text's answer, or its runner's death: RunnerGone if it was not sent before that.

        Raises at the first text with another fault and takes back what is not sent yet; so does
        a caller who is cancelled. What is sent keeps its core until it is answered. `timeout`
        (seconds) is for one run. `alone` keeps all other texts away from the runner meanwhile.
        """
        way = self._ways.get(runner) or self._open(runner)
        answered: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        asking = _Asking(way.lane, texts, alone, runner=runner, timeout=timeout, answered=answered)
        way.turns.join(asking)
        self._send(way.turns)
        try:
            return await answered
        except asyncio.CancelledError:
            way.turns.leave(asking)
            self._send(way.turns)
            raise

    def _open(self, runner: Classifier) -> _Way:
        most = texts_a_run(self._dispatch, runner.device, batch_proof=runner.batch_proof)
        own = 1 if most > 1 else self._cores
        turns = self._cpu if runner.device == "cpu" else _Turns(own)
        return self._ways.setdefault(runner, _Way(turns, Lane(most)))

    def _send(self, turns: _Turns) -> None:
        while (run := turns.next_run()) is not None:
            first, _ = run.picks[0]
            timeout = max(caller.timeout for caller, _ in run.picks) * (2 if run.behind else 1)
            sent = asyncio.ensure_future(first.runner.predict(run.texts, timeout=timeout))
            self._sent.add(sent)
            sent.add_done_callback(partial(self._ended, turns, run))

    def _ended(self, turns: _Turns, run: Run[_Asking], sent: _Sent) -> None:
        self._sent.discard(sent)
        outcomes = _outcomes(run, sent)
        turns.end(run, _seconds(outcomes))
        for (caller, place), outcome in zip(run.picks, outcomes, strict=True):
            caller.take(place, outcome)
            if not isinstance(outcome, Answer):
                turns.leave(caller)
        self._send(turns)


def _seconds(outcomes: Sequence[Answer | BaseException]) -> float | None:
    """Of a whole run that was answered."""
    seconds = [outcome.seconds for outcome in outcomes if isinstance(outcome, Answer)]
    return sum(seconds) if len(seconds) == len(outcomes) else None


def _outcomes(run: Run[_Asking], sent: _Sent) -> Sequence[Answer | BaseException]:
    """Where the caller has left, nobody else will ask how it went."""
    error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
    return sent.result() if error is None else [error] * len(run.picks)

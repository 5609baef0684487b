"""Answers texts with one model: leases it, sends the texts, and outlives the runner's death.

A runner that dies takes every call with it that was in it, and any of these texts may be what
killed it. Each is asked once more on a fresh runner, alone, so that only the guilty one fails.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cache.events import Outcome
from cache.leasing import Lease, Leasing
from cache.residency import Residency
from models.dispatch import Dispatcher
from models.engines import Row
from models.errors import RunnerDied, RunnerGone
from models.loader import LiveModel
from models.runner import Answer

_RUNNERS = 4
"""How many runners a text may meet: two may die of it, others of something else."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One text's row, by which version, whether without waiting for a load; seconds in the runner.

    `key` is the cache's of that version.
    """

    row: Row
    key: str
    live: LiveModel
    hit: bool
    seconds: float


class Answering:
    """`inference_timeout` (seconds) bounds one run; a runner that exceeds it is killed.

    `key_now` tells the cache's key of a model's name. It is asked for each lease: the version
    that a request was meant for may have been replaced before it is its turn.
    """

    def __init__(
        self,
        residency: Residency[LiveModel],
        dispatcher: Dispatcher,
        key_now: Callable[[str], str],
        *,
        inference_timeout: float,
    ) -> None:
        self._residency = residency
        self._dispatcher = dispatcher
        self._key_now = key_now
        self._timeout = inference_timeout

    async def answer_one(
        self, name: str, text: str, *, suspect: bool = False, keep_alive: float | None = None
    ) -> Answered:
        """The answer to one text; a `suspect` is asked with nobody else on the runner.

        `keep_alive` as in `Residency.lease`.
        """
        for _ in range(_RUNNERS):
            async with self._lease(name, keep_alive) as lease:
                outcome = await self._ask(lease, text, alone=suspect)
                if isinstance(outcome, Answer):
                    return _answered(lease, outcome)
                self._residency.discard(lease)
                if isinstance(outcome, RunnerGone):
                    continue
                if suspect:
                    raise RunnerDied(
                        f"the runner of {name} died twice while it read this text;"
                        " the text was not classified"
                    ) from outcome
                suspect = True
        raise RunnerDied(f"{_RUNNERS} runners of {name} died before they read this text")

    async def answer(
        self, name: str, texts: Sequence[str], *, keep_alive: float | None = None
    ) -> list[Answered]:
        """One answer a text, in order. Any text's failure fails them all.

        When a runner dies, the texts that were in it are asked again, each alone, and then those
        that were not: all of them have missed.
        """
        answers: dict[int, Answered] = {}
        unread = list(range(len(texts)))
        late: set[int] = set()
        fruitless = 0
        while unread and fruitless < _RUNNERS:
            before = len(answers)
            suspects, unread = await self._read(name, texts, unread, answers, keep_alive)
            for place in suspects:
                answers[place] = await self.answer_one(
                    name, texts[place], suspect=True, keep_alive=keep_alive
                )
            late |= {*suspects, *unread}
            fruitless = fruitless + 1 if len(answers) == before else 0
        if unread:
            raise RunnerDied(f"{_RUNNERS} runners of {name} died before they read these texts")
        answers |= {place: replace(answers[place], hit=False) for place in late}
        return [answers[place] for place in range(len(texts))]

    async def ask(self, lease: Lease[LiveModel], text: str) -> Row:
        """What the leased model itself answers; nothing is asked twice, or counted."""
        outcome = await self._ask(lease, text)
        if isinstance(outcome, RunnerDied):
            raise outcome
        return outcome.row

    async def _read(
        self,
        name: str,
        texts: Sequence[str],
        places: Sequence[int],
        answers: dict[int, Answered],
        keep_alive: float | None,
    ) -> tuple[list[int], list[int]]:
        """Answer the texts at these places, on one lease.

        Returns those that are suspects of the runner's death, and those that it did not read.
        """
        suspects: list[int] = []
        unread: list[int] = []
        async with self._lease(name, keep_alive) as lease:
            sent = [texts[place] for place in places]
            outcomes = await self._dispatcher.predict(
                lease.resident.runner, sent, timeout=self._timeout
            )
            for place, outcome in zip(places, outcomes, strict=True):
                if isinstance(outcome, Answer):
                    answers[place] = _answered(lease, outcome)
                else:
                    (unread if isinstance(outcome, RunnerGone) else suspects).append(place)
            if suspects or unread:
                self._residency.discard(lease)
        return suspects, unread

    def _lease(self, name: str, keep_alive: float | None) -> Leasing[LiveModel]:
        return self._residency.lease(self._key_now(name), keep_alive=keep_alive)

    async def _ask(
        self, lease: Lease[LiveModel], text: str, *, alone: bool = False
    ) -> Answer | RunnerDied:
        [outcome] = await self._dispatcher.predict(
            lease.resident.runner, (text,), timeout=self._timeout, alone=alone
        )
        return outcome


def _answered(lease: Lease[LiveModel], answer: Answer) -> Answered:
    hit = lease.outcome is Outcome.HIT
    return Answered(answer.row, lease.key, lease.resident, hit, answer.seconds)

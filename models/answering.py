"""Answers texts with one model: leases it, sends the texts, and outlives the runner's death.

A runner that dies takes every call with it that was in it, and any of these texts may be what
killed it. Each is asked once more on a fresh runner, alone, so that only the guilty one fails.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from cache.errors import CacheError
from cache.events import Outcome
from cache.residency import Lease, Residency
from models.dispatch import Dispatcher
from models.engines import Row
from models.errors import ModelError, RunnerDied, RunnerGone
from models.loader import LiveModel
from models.versions import key_of

_RUNNERS = 4
"""How many runners a text may meet: two may die of it, others of something else."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One text's row, by which model, whether without waiting for a load; seconds in the runner."""

    row: Row
    live: LiveModel
    hit: bool
    seconds: float

    @property
    def key(self) -> str:
        """Of the version that answered."""
        return key_of(self.live.stored.name, self.live.stored.version)


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
        width: int,
        inference_timeout: float,
    ) -> None:
        self._residency = residency
        self._dispatcher = dispatcher
        self._key_now = key_now
        self._width = width
        self._timeout = inference_timeout

    async def answer_one(
        self, name: str, text: str, *, suspect: bool = False, keep_alive: float | None = None
    ) -> Answered:
        """The answer to one text; a `suspect` is asked with nobody else on the runner.

        `keep_alive` as in `Residency.lease`.
        """
        for _ in range(_RUNNERS):
            async with self._lease(name, keep_alive) as lease:
                try:
                    return await self._ask(lease, text, alone=suspect)
                except RunnerGone:
                    self._residency.discard(lease)
                except RunnerDied as death:
                    self._residency.discard(lease)
                    if suspect:
                        raise RunnerDied(
                            f"the runner of {name} died twice while it read this text;"
                            " the text was not classified"
                        ) from death
                    suspect = True
        raise RunnerDied(f"{_RUNNERS} runners of {name} died before they read this text")

    async def answer(
        self, name: str, texts: Sequence[str], *, keep_alive: float | None = None
    ) -> list[Answered]:
        """One answer a text, in order. Any text's failure fails them all.

        At most `width` of the texts queue at a time, so that a long list does not hold up a
        single text.
        """
        answers: dict[int, Answered] = {}
        todo = iter(range(len(texts)))
        try:
            async with asyncio.TaskGroup() as group:
                workers = [
                    group.create_task(self._work(name, texts, todo, answers, keep_alive))
                    for _ in range(min(self._width, len(texts)))
                ]
        except* (ModelError, CacheError) as failures:
            raise _first(failures) from None
        for worker in workers:
            for index, suspect in worker.result():
                again = await self.answer_one(
                    name, texts[index], suspect=suspect, keep_alive=keep_alive
                )
                answers[index] = replace(again, hit=False)
        return [answers[index] for index in range(len(texts))]

    async def ask(self, lease: Lease[LiveModel], text: str) -> Row:
        """What the leased model itself answers; nothing is asked twice, or counted."""
        return (await self._ask(lease, text)).row

    async def _work(
        self,
        name: str,
        texts: Sequence[str],
        todo: Iterator[int],
        answers: dict[int, Answered],
        keep_alive: float | None,
    ) -> list[tuple[int, bool]]:
        """Answer what is left to do on one lease, for as long as its runner lives.

        Returns what the runner's death left unanswered, and whether that text is a suspect.
        """
        left: list[tuple[int, bool]] = []
        while (index := next(todo, None)) is not None:
            async with self._lease(name, keep_alive) as lease:
                while index is not None:
                    try:
                        answers[index] = await self._ask(lease, texts[index])
                    except RunnerDied as death:
                        self._residency.discard(lease)
                        left.append((index, not isinstance(death, RunnerGone)))
                        break
                    index = next(todo, None)
        return left

    def _lease(
        self, name: str, keep_alive: float | None
    ) -> AbstractAsyncContextManager[Lease[LiveModel]]:
        return self._residency.lease(self._key_now(name), keep_alive=keep_alive)

    async def _ask(self, lease: Lease[LiveModel], text: str, *, alone: bool = False) -> Answered:
        live = lease.resident
        answer = await self._dispatcher.predict(
            live.runner, text, timeout=self._timeout, alone=alone
        )
        return Answered(answer.row, live, lease.outcome is Outcome.HIT, answer.seconds)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """One error to answer with; where several texts fail, they mostly fail alike."""
    error = failures.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error

"""Requests through a proxy: who answered, whether a load was waited for, what went wrong."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.client import Connection
from bench.figures import quantile
from bench.http import BrokenOff, Unanswered
from bench.traffic import Request


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it was sent and answered, by which replica. `hit` as the service says.

    `again`: the answer broke off and was asked for once more, which no proxy can do.
    """

    model: str
    at: float
    until: float
    replica: str = ""
    hit: bool = False
    failure: str = ""
    again: bool = False

    @property
    def seconds(self) -> float:
        return self.until - self.at


async def ask(
    port: int,
    todo: Iterable[Request],
    callers: int,
    steps: Mapping[int, Callable[[], object]] | None = None,
) -> list[Asked]:
    """Each caller asks for the next as soon as he has his answer. In the order of the answers.

    A step is taken once so many answers have come, in a thread: the callers go on meanwhile.
    """
    left, done, taken = iter(todo), list[Asked](), list[asyncio.Task[object]]()

    async def caller() -> None:
        async with Connection(port) as connection:
            for request in left:
                done.append(await _one(connection, request))
                step = (steps or {}).get(len(done))
                if step is not None:
                    taken.append(asyncio.create_task(asyncio.to_thread(step)))

    await asyncio.gather(*(caller() for _ in range(callers)))
    await asyncio.gather(*taken)
    return done


def hit_rate(asked: Sequence[Asked]) -> float:
    """Of those that were answered."""
    answered = [one for one in asked if not one.failure]
    return sum(one.hit for one in answered) / max(1, len(answered))


def milliseconds(asked: Sequence[Asked], part: float) -> float:
    return quantile([one.seconds for one in asked], part) * 1e3


def failed(asked: Sequence[Asked]) -> int:
    return sum(bool(one.failure) for one in asked)


async def _one(connection: Connection, request: Request) -> Asked:
    at, again = time.monotonic(), False
    try:
        try:
            answer = await connection.predict(request.text, request.model)
        except BrokenOff:
            again = True
            answer = await connection.predict(request.text, request.model)
    except Unanswered as error:
        return Asked(request.model, at, time.monotonic(), failure=f"no answer: {error}")
    until = time.monotonic()
    if not answer.ok:
        return Asked(request.model, at, until, answer.replica, failure=answer.failure)
    hit = bool(answer.json()["cache_hit"])
    return Asked(request.model, at, until, answer.replica, hit, again=again)

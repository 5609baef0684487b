"""Requests for predictions: as fast as some callers can, or at a fixed rate whatever happens."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

from bench.client import Connection
from bench.figures import quantile
from bench.http import Unanswered


@dataclass(frozen=True, slots=True)
class Request:
    """One text for one model."""

    model: str
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One request that was made: wall clock time at which it was due, seconds, what went wrong."""

    at: float
    seconds: float
    failure: str = ""

    @property
    def ok(self) -> bool:
        return not self.failure

    @property
    def until(self) -> float:
        return self.at + self.seconds


def requests(models: Sequence[str], count: int) -> list[Request]:
    """The models in turn, with short distinct texts."""
    return [
        Request(models[n % len(models)], f"Please tell me about matter number {n}.")
        for n in range(count)
    ]


def zipf(models: Sequence[str], count: int, seed: int, skew: float = 0.9) -> list[Request]:
    """Models by their place in an order that `seed` shuffles, with odds of 1 / place ** skew."""
    random = Random(seed)  # noqa: S311  # a sequence that is the same every time
    order = random.sample(list(models), len(models))
    odds = [1 / place**skew for place in range(1, len(order) + 1)]
    chosen = random.choices(order, odds, k=count)
    return [
        Request(model, f"Please tell me about matter number {n}.") for n, model in enumerate(chosen)
    ]


async def closed_loop(port: int, todo: Sequence[Request], callers: int) -> list[Sample]:
    """Each caller asks for the next as soon as he has his answer. In the order of the answers."""
    left, done = iter(todo), list[Sample]()

    async def caller() -> None:
        async with Connection(port) as connection:
            for request in left:
                done.append(await _timed(connection, request, time.time()))

    await asyncio.gather(*(caller() for _ in range(callers)))
    return done


async def open_loop(
    port: int,
    todo: Sequence[Request],
    rate: float,
    *,
    started: Callable[[float], object] = lambda _: None,
    connections: int = 64,
) -> list[Sample]:
    """`rate` requests a second, late ones beside the next. Time counts from when each was due."""
    idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            idle.put_nowait(await stack.enter_async_context(Connection(port)))
        began = time.time() + 0.05
        started(began)

        async def one(number: int, request: Request) -> Sample:
            due = began + number / rate
            await asyncio.sleep(due - time.time())
            connection = await idle.get()
            try:
                return await _timed(connection, request, due)
            finally:
                idle.put_nowait(connection)

        return list(await asyncio.gather(*(one(n, request) for n, request in enumerate(todo))))


async def _timed(connection: Connection, request: Request, due: float) -> Sample:
    try:
        answer = await connection.predict(request.text, request.model)
    except Unanswered as error:
        return Sample(due, time.time() - due, f"no answer: {error}")
    return Sample(due, time.time() - due, "" if answer.ok else answer.failure)


def failures(samples: Iterable[Sample]) -> dict[str, int]:
    """How often what went wrong."""
    return dict(Counter(sample.failure for sample in samples if sample.failure))


def milliseconds(samples: Sequence[Sample], part: float) -> float:
    """The quantile of the answered ones."""
    return quantile([sample.seconds for sample in samples if sample.ok], part) * 1e3

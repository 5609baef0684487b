"""A fake of the shared store: obeys the contract, fails and hangs when it is told to."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.shared.port import StoreFailed


@dataclass
class FakeStore:
    """`failure` is raised by every call until it is None again; `answers` holds calls until set.

    `connects_at_once` takes connections all the same. `full` refuses what is put, as a Redis
    without memory does. `calls` are the keys of each `get`.
    """

    place: str = "a fake store"
    values: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    failure: str | None = None
    full: bool = False
    connects_at_once: bool = False
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[list[str]] = field(default_factory=list)
    puts: int = 0
    connects: int = 0

    def __post_init__(self) -> None:
        self.answers.set()

    async def connect(self) -> None:
        self.connects += 1
        if not self.connects_at_once:
            await self._answer()

    async def ping(self) -> None:
        await self._answer()

    async def get(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        self.calls.append(list(keys))
        await self._answer()
        return [self._value(key) for key in keys]

    async def put(self, items: Sequence[tuple[str, bytes]], ttl: float) -> None:
        self.puts += 1
        await self._answer()
        if self.full:
            raise StoreFailed("it is full")
        expires = asyncio.get_running_loop().time() + math.ceil(ttl)
        self.values |= {key: (value, expires) for key, value in items}

    async def aclose(self) -> None:
        pass

    async def _answer(self) -> None:
        await self.answers.wait()
        if self.failure is not None:
            raise StoreFailed(self.failure)

    def _value(self, key: str) -> bytes | None:
        value, expires = self.values.get(key, (None, math.inf))
        return value if asyncio.get_running_loop().time() < expires else None

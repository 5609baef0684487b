"""What a place for shared answers must do; `redis_store.RedisStore` is the real one."""

from collections.abc import Sequence
from typing import Protocol


class StoreFailed(Exception):
    """The store did not do what it was asked; the message says why, and has no secret in it."""


class Store(Protocol):
    """Each method but `aclose` raises StoreFailed, and may take for ever: callers set deadlines.

    One that is cancelled leaves a store that can be connected anew. To read and to write may go
    on at the same time; two reads, or two writes, may not.
    """

    @property
    def place(self) -> str:
        """Where it is, for people: without user and password."""
        ...

    async def connect(self) -> None:
        """Be ready to read; again, where the last read failed."""
        ...

    async def ping(self) -> None:
        """Be answered by it."""
        ...

    async def get(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The values of one key or more, in order; None where there is none."""
        ...

    async def put(self, items: Sequence[tuple[str, bytes]], ttl: float) -> None:
        """Keep values for `ttl` seconds, rounded up to whole ones."""
        ...

    async def aclose(self) -> None: ...

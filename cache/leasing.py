"""A lease, and the context that holds it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic

from cache.events import Outcome
from cache.ports import Key, L


@dataclass(frozen=True, slots=True)
class Lease(Generic[L]):
    """One caller's hold on a resident."""

    key: Key
    resident: L
    outcome: Outcome


class Leasing(Generic[L]):
    """A context that holds a lease: `acquire` is awaited at its beginning, `release` called after.

    Not a generator of `contextlib`, which takes several times as long, and is in every prediction.
    """

    __slots__ = ("_acquire", "_key", "_release")

    def __init__(
        self,
        acquire: Callable[[], Awaitable[Lease[L]]],
        release: Callable[[Key], object],
    ) -> None:
        self._acquire = acquire
        self._release = release
        self._key = ""

    async def __aenter__(self) -> Lease[L]:
        lease = await self._acquire()
        self._key = lease.key
        return lease

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release(self._key)

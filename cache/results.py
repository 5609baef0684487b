"""Results that were computed before: exact, bounded in bytes; the least recently used go first.

Knows no more of a result than its size. Pure: the time is an argument, and nothing waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

from cachetools import LRUCache

from cache.worth import Judged, Worth

V = TypeVar("V")

ENTRY_BYTES = 400
"""Memory of an entry beside its value and digest: the key, the record with its time and size, and
its places in three hash tables, just after these have grown. Measured: 300 to 390."""

_NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class ResultsFigures:
    """`bytes` of `capacity` are held by `entries`; the rest is counted since the beginning.

    `bypassed` are lookups that were not made, because the scope is off; they are no misses.
    `evictions` made room for others. `scopes_off` is how many scopes are off now.
    """

    capacity: int
    bytes: int
    entries: int
    hits: int
    misses: int
    bypassed: int
    evictions: int
    scopes_off: int


@dataclass(slots=True)
class _Scope:
    """`prefix` begins the keys of its entries."""

    prefix: bytes
    judged: Judged


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    expires: float
    size: int


class _Entries(LRUCache[bytes, _Entry[V]]):
    """Counts what had to go."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, getsizeof=lambda entry: entry.size)
        self.evictions = 0

    def popitem(self) -> tuple[bytes, _Entry[V]]:
        self.evictions += 1
        return super().popitem()


class Results(Generic[V]):
    """Keeps results by scope and digest, each for `ttl` seconds, in `capacity` bytes together.

    A scope is what all results of it stand and fall with, the version of a model for instance. A
    digest names one of its questions: at least 16 bytes, as even as a hash's. `sizeof` tells the
    bytes of a result, all that only it refers to included.

    A scope that is not worth it is switched off, because its results would only push out those
    of others; the sample that is kept of it may switch it on again.

    What has expired or was dropped is never answered, and its memory goes to those that come: so
    no operation takes longer because there is much of it.
    """

    def __init__(
        self, capacity: int, ttl: float, sizeof: Callable[[V], int], worth: Worth | None = None
    ) -> None:
        self._capacity = capacity
        self._ttl = ttl
        self._worth = worth or Worth()
        self._sizeof = sizeof
        self._entries: _Entries[V] = _Entries(capacity)
        self._scopes: dict[str, _Scope] = {}
        self._numbers = count()
        self._hits = self._misses = self._bypassed = 0

    def get(self, scope: str, digest: bytes, now: float) -> V | None:
        """The result, None where there is none. Counts as a lookup of the scope."""
        about = self._scope(scope)
        if not about.judged.takes(digest):
            self._bypassed += 1
            return None
        entry = self._fresh(about.prefix + digest, now)
        about.judged.looked_up(hit=entry is not None)
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        return entry.value

    def put(self, scope: str, digest: bytes, value: V, now: float) -> None:
        """Keep a result, unless the scope is off or it is larger than all there may be."""
        about = self._scope(scope)
        size = ENTRY_BYTES + len(digest) + self._sizeof(value)
        if about.judged.takes(digest) and size <= self._capacity:
            self._entries[about.prefix + digest] = _Entry(value, now + self._ttl, size)

    def drop(self, scope: str) -> None:
        """Answer nothing of it any more; what comes is of a new scope, which is on."""
        self._scopes.pop(scope, None)

    def figures(self) -> ResultsFigures:
        return ResultsFigures(
            capacity=self._capacity,
            bytes=int(self._entries.currsize),
            entries=len(self._entries),
            hits=self._hits,
            misses=self._misses,
            bypassed=self._bypassed,
            evictions=self._entries.evictions,
            scopes_off=sum(not about.judged.on for about in self._scopes.values()),
        )

    def _scope(self, scope: str) -> _Scope:
        about = self._scopes.get(scope)
        if about is None:
            prefix = next(self._numbers).to_bytes(_NUMBER_BYTES)
            about = self._scopes[scope] = _Scope(prefix, Judged(self._worth))
        return about

    def _fresh(self, key: bytes, now: float) -> _Entry[V] | None:
        try:
            entry = self._entries[key]
        except KeyError:
            return None
        if entry.expires > now:
            return entry
        del self._entries[key]
        return None

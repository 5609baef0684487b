"""The second level of the prediction cache: what other services, or this one before, answered."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cache.breaker import Breaker
from cache.worth import Judged, Worth
from models.config import SharedConfig
from models.engines import Row
from models.shared.encoding import decode, encode
from models.shared.filling import Filling
from models.shared.lookups import Lookups
from models.shared.naming import key_for, scope_of
from models.shared.port import Store
from models.spec import StoredModel
from models.views.system import SharedCacheView

FAILURES = 3
"""In a row: then the store is left alone."""

WORTH = Worth(window=500, rate=0.05)
"""A look-up costs some 0.2 ms, a twentieth of a small model's inference."""

StoredOf = Callable[[str], StoredModel | None]
"""What the model store has of a key, "name:version"."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A row that somebody computed `age` seconds ago, with the labels of its version."""

    row: Row
    labels: tuple[str, ...]
    age: float


class Sharing:
    """Neither raises nor waits for long, whatever becomes of the store. Works while `run` does.

    A model whose answers are hardly ever found is looked up in a sample, as in the first level.
    """

    def __init__(
        self, store: Store, config: SharedConfig, ttl: float, worth: Worth = WORTH
    ) -> None:
        self._prefix = config.prefix
        self._ttl = ttl
        self._breaker = Breaker(FAILURES, config.retry_seconds)
        self._lookups = Lookups(store, self._breaker, time.monotonic, patience=config.timeout)
        self._filling = Filling(store, ttl)
        self._scopes: dict[str, tuple[StoredModel, str]] = {}
        self._judged: defaultdict[str, Judged] = defaultdict(lambda: Judged(worth))
        self._hits = self._misses = self._bypassed = self._unusable = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lookups.run())
            tasks.create_task(self._filling.run())

    async def find(
        self, key: str, stored: StoredModel, digests: Collection[bytes]
    ) -> dict[bytes, Shared]:
        """What is shared of a version's answers, by digest."""
        judged = self._judged[key]
        wanted = [digest for digest in digests if judged.takes(digest)]
        self._bypassed += len(digests) - len(wanted)
        if not wanted:
            return {}
        keys = [self._key(key, stored, digest) for digest in wanted]
        values = await self._lookups.find(keys)
        if values is None:
            return {}
        found: dict[bytes, Shared] = {}
        for digest, name, value in zip(wanted, keys, values, strict=True):
            shared = None if value is None else self._understood(value, name, stored)
            judged.looked_up(hit=shared is not None)
            if shared is not None:
                found[digest] = shared
        self._hits += len(found)
        self._misses += len(wanted) - len(found)
        return found

    def keep(self, key: str, stored: StoredModel, digest: bytes, row: Row) -> None:
        """Share what was computed a moment ago, soon."""
        if self._judged[key].takes(digest):
            if self._lookups.connected:
                name = self._key(key, stored, digest)
                self._filling.offer(name, encode(row, name, time.time()))
            else:
                self._filling.dropped += 1

    def view(self) -> SharedCacheView:
        return SharedCacheView(
            circuit=self._breaker.circuit().value,
            connected=self._lookups.connected,
            opened=self._breaker.opened,
            hits=self._hits,
            misses=self._misses,
            unusable=self._unusable,
            bypassed=self._bypassed,
            skipped=self._lookups.skipped,
            errors=self._lookups.errors + self._filling.errors,
            written=self._filling.written,
            dropped=self._filling.dropped,
            models_off=sum(not each.on for each in self._judged.values()),
        )

    def _key(self, key: str, stored: StoredModel, digest: bytes) -> str:
        known = self._scopes.get(key)
        if known is None or known[0] is not stored:
            known = self._scopes[key] = (stored, scope_of(stored))
        return key_for(self._prefix, known[1], digest)

    def _understood(self, value: bytes, name: str, stored: StoredModel) -> Shared | None:
        kept = decode(value, name, len(stored.labels))
        if kept is None:
            self._unusable += 1
            return None
        age = max(0.0, time.time() - kept.made_at)
        return Shared(kept.row, stored.labels, age) if age < self._ttl else None

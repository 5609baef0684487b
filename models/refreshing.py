"""Refreshes models before their TTL runs out, without a gap for those who ask meanwhile.

The version that the name is to stand for, its champion or the newest, is loaded beside the one in
memory, tried, and put in its place. Where that is the one in memory, it is tried itself and stays.
Where it does not work out, the one in memory stays as it is, and it is told why. A new champion
takes its place in the same way, at once; so does a newer version where there is no champion.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from cache.entry import State
from cache.errors import CacheError
from cache.events import Cause
from cache.leasing import Lease
from cache.ports import Clock
from cache.residency import Residency
from models.errors import ModelError
from models.loader import LiveModel
from models.port import RefreshFailed
from models.setbacks import Setback, is_to_blame
from models.versions import Versions, name_of
from models.warming import Warming


class Refreshing:
    """`tell` is told of each failure. Versions of one name take turns."""

    def __init__(
        self,
        residency: Residency[LiveModel],
        versions: Versions,
        warming: Warming,
        clock: Clock,
        tell: Callable[[RefreshFailed], object],
    ) -> None:
        self._residency = residency
        self._versions = versions
        self._warming = warming
        self._clock = clock
        self._tell = tell
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def refresh(self, key: str) -> None:
        """Call for a key that the residency has begun to refresh."""
        in_order = False
        try:
            async with self._turns[name_of(key)]:
                new = await self._versions.due(key)
                if not self._residency.is_resident(key):
                    return
                if new == key:
                    async with self._residency.lease(key, patient=False) as lease:
                        await self._try_out(lease)
                    in_order = True
                else:
                    await self._replace(key, new, patient=False)
        except (ModelError, CacheError, OSError) as error:
            self._told(key, str(error))
        finally:
            self._residency.refreshed(key, in_order=in_order)

    async def follow(self, name: str, *, patient: bool = True) -> None:
        """Have the name stand for its champion now, or for the newest where it has none.

        Not for what something is held against, or what another has tried since this was asked.
        What is not in memory has nothing to give way: whoever asks loads the right version. If
        `patient`, the operator has asked for it, so that others may be evicted for it.
        """
        asked = self._clock.monotonic()
        async with self._turns[name]:
            old = await self._landed(name)
            new = self._versions.wanted(name)
            if old is None or new is None or old == new:
                return
            setback = self._versions.setback(new)
            if setback is not None and (setback.held or setback.at >= asked):
                return
            try:
                await self._replace(old, new, patient=patient)
            except (ModelError, CacheError, OSError) as error:
                self._told(old, str(error))

    async def _landed(self, name: str) -> str | None:
        """What the name stands for, if that is in memory; waited for where it loads."""
        old = self._versions.served(name)
        entry = None if old is None else self._residency.entry(old)
        if old is not None and entry is not None and entry.state is State.LOADING:
            try:
                async with self._residency.lease(old):
                    pass
            except (ModelError, CacheError, OSError):
                return None
        resident = old is not None and self._residency.is_resident(old)
        return old if resident and self._versions.served(name) == old else None

    async def _replace(self, old: str, new: str, *, patient: bool) -> None:
        """Load `new`, try it out, and switch; where there is room for both if not `patient`.

        What was a fault of `new` is held against it. If the operator wants another version by now,
        or `old` has left, though not for `new`, `new` leaves too unless it is asked for already.
        """
        name = name_of(new)
        champion = self._versions.champion(name)
        on_trial = False
        try:
            async with self._residency.lease(new, patient=patient) as lease:
                on_trial = True
                await self._try_out(lease)
                changed = self._versions.champion(name) != champion
                overruled = changed and self._versions.wanted(name) != new
                kept = patient or self._residency.is_resident(old) or self._is_wanted(new)
                if kept and not overruled:
                    self._versions.switch(new)
                    self._residency.succeed(old, new)
                elif not self._is_wanted(new):
                    self._residency.retire(new, Cause.UNLOADED)
        except (ModelError, CacheError, OSError) as error:
            held = is_to_blame(error)
            reason = str(error) if new in str(error) else f"{new}: {error}"
            setback = Setback(reason, self._clock.monotonic(), held, on_trial and held, old)
            self._versions.set_back(new, setback)
            raise

    def _is_wanted(self, key: str) -> bool:
        """Has anybody asked for it but us, who did once?"""
        entry = self._residency.entry(key)
        return entry is not None and entry.frequency > 1.0

    async def _try_out(self, lease: Lease[LiveModel]) -> None:
        """Ask it; one that cannot answer is removed, to be loaded anew if it is asked for."""
        try:
            await self._warming.try_out(lease)
        except ModelError:
            self._residency.discard(lease)
            raise

    def _told(self, key: str, error: str) -> None:
        self._tell(RefreshFailed(key, self._clock.monotonic(), error))

"""Refreshes models before their TTL runs out, without a gap for those who ask meanwhile.

The newest version is loaded beside the one in memory, tried, and put in its place. Where there is
none, the one in memory is tried and stays. Where that does not work out, the one in memory stays
as it is, and it is told why.
"""

from collections.abc import Callable

from cache.errors import CacheError
from cache.events import Cause
from cache.leasing import Lease
from cache.ports import Clock
from cache.residency import Residency
from models.errors import ModelError
from models.loader import LiveModel
from models.port import RefreshFailed
from models.versions import Versions
from models.warming import Warming


class Refreshing:
    """`tell` is told of each failure."""

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

    async def refresh(self, key: str) -> None:
        """Call for a key that the residency has begun to refresh."""
        in_order = False
        try:
            newest = await self._versions.newest(key)
            if not self._residency.is_resident(key):
                return
            if newest == key:
                async with self._residency.lease(key, patient=False) as lease:
                    await self._try_out(lease)
                in_order = True
            else:
                await self._replace(key, newest)
        except (ModelError, CacheError, OSError) as error:
            self._tell(RefreshFailed(key, self._clock.monotonic(), str(error)))
        finally:
            self._residency.refreshed(key, in_order=in_order)

    async def _replace(self, old: str, new: str) -> None:
        """Load `new` where there is room for both, try it out, and switch.

        If `old` has left meanwhile, `new` does too unless it is asked for already.
        """
        async with self._residency.lease(new, patient=False) as lease:
            await self._try_out(lease)
            if self._residency.is_resident(old) or self._is_wanted(new):
                self._versions.switch(new)
                self._residency.succeed(old, new)
            else:
                self._residency.retire(new, Cause.UNLOADED)

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

"""What an operator asks of a model: to load it, to keep it, to let it go."""

from cache.residency import Residency
from models.catalogue import ModelRef
from models.deadline import Deadlines
from models.loader import LiveModel, ModelLoader
from models.versions import Versions, name_of
from models.views.operations import LoadReport, PinReport, UnloadReport


class Operating:
    def __init__(
        self,
        loader: ModelLoader,
        residency: Residency[LiveModel],
        versions: Versions,
        deadlines: Deadlines,
    ) -> None:
        self._loader = loader
        self._residency = residency
        self._versions = versions
        self._deadlines = deadlines

    async def load(self, name: str, keep_alive: float | None) -> LoadReport:
        with self._deadlines.deadline():
            ref, key = await self._versions.found(name)
            self._residency.forgive(key)
            self._versions.forgive(key)
            async with self._residency.lease(key, keep_alive=keep_alive) as lease:
                entry = self._residency.entry(key)
                seconds = entry.load_seconds if entry else 0.0
                return LoadReport(str(ref), seconds, lease.resident.footprint)

    async def pin(self, name: str, *, pinned: bool) -> PinReport:
        """Of a name, all versions, whatever was said of one of them before.

        What is not in memory is pinned when it is loaded.
        """
        ref, key = await self._present(name)
        keys = {key}
        if ref.version is None:
            known = {*self._loader.pins, *(entry.key for entry in self._residency.entries())}
            keys |= {each for each in known - {ref.name} if name_of(each) == ref.name}
        self._loader.pins |= dict.fromkeys({str(ref), *keys}, pinned)
        for each in keys:
            self._residency.pin(each, pinned=pinned)
        return PinReport(str(ref), pinned, cached=self._residency.entry(key) is not None)

    async def unload(self, name: str) -> UnloadReport:
        """Returns when the memory is free."""
        ref, key = await self._present(name)
        with self._deadlines.deadline():
            return UnloadReport(str(ref), await self._residency.unload(key))

    async def _present(self, name: str) -> tuple[ModelRef, str]:
        """What can be let go, and how it is kept: also a resident whose files are gone."""
        ref = self._versions.meant(name)
        key = self._versions.known(ref)
        if key is None or self._residency.entry(key) is None:
            return await self._versions.found(name)
        return ref, key

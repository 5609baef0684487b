"""Which version a name stands for: the newest, but the one in memory until the newest is there."""

from collections.abc import Callable

from models.catalogue import ModelRef
from models.directory import Directory


class Versions:
    """Maps names to the cache's keys, "name:version".

    `is_resident` tells whether a key can answer now. A new version in the store takes the place of
    the one in memory by `switch` alone, when it has proved itself; of one that is not in memory at
    once.
    """

    def __init__(self, directory: Directory, is_resident: Callable[[str], bool]) -> None:
        self._directory = directory
        self._is_resident = is_resident
        self._served: dict[str, str] = {}

    async def key(self, ref: ModelRef) -> str:
        """The key of a registered model. Raises ModelNotFound or ModelNotRegistered."""
        newest = key_of(ref.name, (await self._directory.find(ref)).version)
        return newest if ref.version is not None else self._serve(ref.name, newest)

    async def newest(self, key: str) -> str:
        """The key of the newest version of the model, if `key` is what its name stands for."""
        name = name_of(key)
        if self._served.get(name) != key:
            return key
        return key_of(name, (await self._directory.find(ModelRef(name))).version)

    def known(self, ref: ModelRef) -> str | None:
        """The key that `ref` stands for now, without looking further than the last listing."""
        if ref.version is not None:
            return str(ref)
        served = self._served.get(ref.name)
        if served is not None and self._is_resident(served):
            return served
        stored = self._directory.entry(ref)[1]
        return served if stored is None else key_of(ref.name, stored.version)

    def switch(self, key: str) -> None:
        """From now on the model's name stands for `key`."""
        self._served[name_of(key)] = key

    def _serve(self, name: str, newest: str) -> str:
        served = self._served.get(name)
        if served is None or not self._is_resident(served):
            self._served[name] = served = newest
        return served


def key_of(name: str, version: str) -> str:
    return f"{name}:{version}"


def name_of(key: str) -> str:
    return key.partition(":")[0]

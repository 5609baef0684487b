"""Which version a name stands for: the newest, but the one in memory until the newest is there."""

from collections.abc import Callable

from models.catalogue import ModelRef, parse_ref
from models.directory import Directory
from models.spec import StoredModel


class Versions:
    """Maps names to the cache's keys, "name:version".

    `stays` tells whether a key is in memory, or loads, and is not to leave. A new version in the
    store takes the place of such a one by `switch` alone, when it has proved itself; of any other
    at once.
    """

    def __init__(self, directory: Directory, stays: Callable[[str], bool]) -> None:
        self._directory = directory
        self._stays = stays
        self._served: dict[str, str] = {}

    async def key(self, ref: ModelRef) -> str:
        """The key of a registered model. Raises ModelNotFound or ModelNotRegistered."""
        return self._key(ref, await self._directory.find(ref))

    def at_hand(self, name: str) -> tuple[ModelRef, str] | None:
        """A registered model and its key; None where `found` has to tell, or to begin a listing."""
        ref = parse_ref(name)
        stored = self._directory.at_hand(ref)
        return None if stored is None else (ref, self._key(ref, stored))

    async def found(self, name: str) -> tuple[ModelRef, str]:
        """A registered model and its key. Raises as `key` does."""
        ref = parse_ref(name)
        return ref, await self.key(ref)

    async def newest(self, key: str) -> str:
        """The key of the newest version of the model, if `key` is what its name stands for.

        It may have been registered a moment ago: perhaps nobody has asked for long.
        """
        name = name_of(key)
        if self._served.get(name) != key:
            return key
        await self._directory.renew()
        return key_of(name, (await self._directory.find(ModelRef(name))).version)

    def known(self, ref: ModelRef) -> str | None:
        """The key that `ref` stands for now, without looking further than the last listing."""
        if ref.version is not None:
            return str(ref)
        stored = self._directory.entry(ref)[1]
        if stored is None:
            return self._served.get(ref.name)
        return self._serve(ref.name, key_of(ref.name, stored.version))

    def current(self, name: str) -> str:
        """The key of a model that has been found by this name: a moment later it may be another."""
        return self.known(parse_ref(name)) or name

    def switch(self, key: str) -> None:
        """From now on the model's name stands for `key`."""
        self._served[name_of(key)] = key

    def _key(self, ref: ModelRef, newest: StoredModel) -> str:
        key = key_of(newest.name, newest.version)
        return key if ref.version is not None else self._serve(ref.name, key)

    def _serve(self, name: str, newest: str) -> str:
        served = self._served.get(name)
        if served is None or not self._stays(served):
            self._served[name] = served = newest
        return served


def key_of(name: str, version: str) -> str:
    return f"{name}:{version}"


def name_of(key: str) -> str:
    return key.partition(":")[0]

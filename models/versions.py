"""Which version a name stands for: its champion or the newest, but the one in memory until then."""

from collections.abc import Callable

from models.catalogue import ModelRef, parse_ref
from models.directory import Directory
from models.setbacks import Setback, Setbacks
from models.spec import StoredModel


class Versions:
    """Maps names to the cache's keys, "name:version".

    `stays` tells whether a key is in memory, or loads, and is not to leave. Another version that
    the name is to stand for takes the place of such a one by `switch` alone, when it has proved
    itself; of any other at once, unless it could not take its place before.
    """

    def __init__(
        self, directory: Directory, stays: Callable[[str], bool], setbacks: Setbacks
    ) -> None:
        self._directory = directory
        self._stays = stays
        self._served: dict[str, str] = {}
        self._setbacks = setbacks

    async def key(self, ref: ModelRef) -> str:
        """The key of a registered model. Raises ModelNotFound or ModelNotRegistered."""
        stored = await self._directory.find(ref)
        return self._key(self._directory.meant(ref), stored)

    def at_hand(self, name: str) -> tuple[ModelRef, str] | None:
        """A registered model and its key; None where `found` has to tell, or to begin a listing.

        What an alias means is decided here: the reference is the plain name's or a version's.
        """
        ref = parse_ref(name)
        stored = self._directory.at_hand(ref)
        if stored is None:
            return None
        meant = ref if ref.version is None else self._directory.meant(ref)
        return meant, self._key(meant, stored)

    async def found(self, name: str) -> tuple[ModelRef, str]:
        """As `at_hand`, after a listing if need be. Raises as `key` does."""
        ref = parse_ref(name)
        stored = await self._directory.find(ref)
        meant = self._directory.meant(ref)
        return meant, self._key(meant, stored)

    async def due(self, key: str) -> str:
        """The key of what is to take the place of `key`; `key` itself where nothing is.

        Only what its name stands for gives way. It may have been registered a moment ago: perhaps
        nobody has asked for long. What failed its trial is not tried again.
        """
        name = name_of(key)
        if self._served.get(name) != key:
            return key
        await self._directory.renew()
        wanted = await self._directory.find(ModelRef(name))
        setback = self._setbacks.of(wanted)
        return key if setback is not None and setback.on_trial else key_of(name, wanted.version)

    def wanted(self, name: str) -> str | None:
        """The key that the name is to stand for: its champion, or the newest."""
        stored = self._directory.entry(ModelRef(name))[1]
        return None if stored is None else key_of(name, stored.version)

    def champion(self, name: str) -> str | None:
        """The key of the version that was set for the name to stand for, by the last listing."""
        stored = self._directory.champion(name)
        return None if stored is None else key_of(name, stored.version)

    def served(self, name: str) -> str | None:
        """What the name stood for when it was asked for last."""
        return self._served.get(name)

    def known(self, ref: ModelRef) -> str | None:
        """The key that `ref` stands for now, without looking further than the last listing."""
        ref = ref if ref.version is None else self._directory.meant(ref)
        if ref.version is not None:
            return str(ref)
        stored = self._directory.entry(ref)[1]
        return self._served.get(ref.name) if stored is None else self._serve(stored)

    def meant(self, name: str) -> ModelRef:
        """The plain name, or a version: what an alias means now. Raises ModelNotFound."""
        return self._directory.meant(parse_ref(name))

    def current(self, name: str) -> str:
        """The key of a model that has been found by this name: a moment later it may be another."""
        return self.known(parse_ref(name)) or name

    def switch(self, key: str) -> None:
        """From now on the model's name stands for `key`, and nothing is held against it."""
        self._served[name_of(key)] = key
        self.forgive(key)

    def set_back(self, key: str, setback: Setback) -> None:
        """Note why `key` could not take the place of what its name stands for."""
        stored = self._directory.entry(parse_ref(key))[1]
        if stored is not None:
            self._setbacks.note(stored, setback)

    def setback(self, key: str) -> Setback | None:
        """Why this version could not take another's place when it was last tried."""
        stored = self._directory.entry(parse_ref(key))[1]
        return None if stored is None else self._setbacks.of(stored)

    def forgive(self, key: str) -> None:
        """Hold nothing against `key` any more."""
        self._setbacks.forget(key)

    def _key(self, ref: ModelRef, stored: StoredModel) -> str:
        if ref.version is not None:
            return key_of(stored.name, stored.version)
        return self._serve(stored)

    def _serve(self, wanted: StoredModel) -> str:
        served = self._served.get(wanted.name)
        if served is None or not self._stays(served):
            self._served[wanted.name] = served = self._choice(served, wanted)
        return served

    def _choice(self, last: str | None, wanted: StoredModel) -> str:
        """`wanted`, or where something is held against that, the one that was good last.

        If there is none, as after a restart, it is the one that kept its place at the setback.
        """
        setback = self._setbacks.of(wanted)
        for good in (last, setback.instead) if setback is not None and setback.held else ():
            if good is not None and self._directory.entry(parse_ref(good))[1] is not None:
                return good
        return key_of(wanted.name, wanted.version)


def key_of(name: str, version: str) -> str:
    return f"{name}:{version}"


def name_of(key: str) -> str:
    return key.partition(":")[0]


def version_of(key: str) -> str:
    return key.partition(":")[2]

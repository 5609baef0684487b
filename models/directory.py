"""Which models there are: the catalogue joined with what the store holds, kept in memory.

Requests never wait for the disk where the name is known. The listing is renewed behind them
when it is older than `fresh_for` seconds, so that a new registration is seen soon.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from cache.ports import Clock
from models.aliases import CHAMPION, LATEST, NONE, Aliases
from models.catalogue import Catalogue, ModelRef, parse_ref
from models.config import ServingConfig
from models.errors import ModelNotFound, ModelNotRegistered
from models.spec import ModelSpec, StoredModel

_log = logging.getLogger(__name__)


class Store(Protocol):
    """What the directory asks of the model store."""

    def list(self) -> Sequence[StoredModel]:
        """All registered models, every version; blocks on the disk."""
        ...

    def aliases(self) -> Mapping[str, Aliases]:
        """By name; blocks on the disk."""
        ...


class Directory:
    """What may be served under which name."""

    def __init__(
        self, catalogue: Catalogue, store: Store, clock: Clock, *, fresh_for: float = 1.0
    ) -> None:
        self.catalogue = catalogue
        self._store = store
        self._clock = clock
        self._fresh_for = fresh_for
        self._newest: Mapping[str, StoredModel] = MappingProxyType({})
        self._plain: Mapping[str, StoredModel] = MappingProxyType({})
        self._versions: Mapping[tuple[str, str], StoredModel] = MappingProxyType({})
        self._aliases: Mapping[str, Aliases] = MappingProxyType({})
        self._on_champion: Callable[[str], object] = _nothing
        self._dangling: frozenset[str] = frozenset()
        self._listed_at = float("-inf")
        self._listing: asyncio.Task[None] | None = None

    def watch(self, on_champion: Callable[[str], object]) -> None:
        """Call `on_champion` with each name of which a listing finds another champion."""
        self._on_champion = on_champion

    async def refresh(self) -> None:
        """List the store as it is from now on: a listing under way may have begun too early."""
        if self._listing is not None:
            await asyncio.wait([self._listing])
        await asyncio.shield(self._begin())

    async def renew(self) -> None:
        """List the store again unless that was done a moment ago; callers share one listing."""
        if self._stale():
            await asyncio.shield(self._begin())

    async def listed(self) -> None:
        """Return once the store has been listed at all."""
        if self._listed_at == float("-inf"):
            await self.renew()

    async def find(self, ref: ModelRef) -> StoredModel:
        """The registered model. Raises ModelNotFound or ModelNotRegistered."""
        found = self._known(ref)
        if found is None:
            await self.renew()
            found = self._known(ref)
        elif self._stale():
            self._begin()
        if found is None:
            raise self._missing(ref)
        return found

    def at_hand(self, ref: ModelRef) -> StoredModel | None:
        """The registered model, as `find` has it, where there is nothing to be listed for that."""
        return None if self._stale() else self._known(ref)

    def meant(self, ref: ModelRef) -> ModelRef:
        """The version that an alias names, or the plain name for its champion; else as it is.

        "latest" is the plain name too where no champion has been set.
        """
        name, alias = ref.name, ref.version
        if alias is None or (name, alias) in self._versions:
            return ref
        champion = self.champion(name)
        if alias == LATEST:
            newest = self._newest.get(name)
            return ModelRef(name, newest.version if champion and newest else None)
        if alias == CHAMPION and champion is not None:
            return ModelRef(name)
        version = self.aliases(name).get(alias)
        return ref if version is None else ModelRef(name, version)

    def aliases(self, name: str) -> Aliases:
        """As the store has them: the version of one may be gone."""
        return self._aliases.get(name, NONE)

    def aliases_of(self, ref: ModelRef) -> tuple[str, ...]:
        """What else a version may be called, "latest" included."""
        newest = self._newest.get(ref.name)
        latest = [LATEST] if newest is not None and newest.version == ref.version else []
        set_ones = [a for a, version in self.aliases(ref.name).items() if version == ref.version]
        return (*sorted(set_ones), *latest)

    def champion(self, name: str) -> StoredModel | None:
        """The version that was set for the plain name to stand for, if it is there."""
        return self._versions.get((name, self.aliases(name).get(CHAMPION, "")))

    def versions(self, name: str) -> tuple[StoredModel, ...]:
        """The registered versions of a model, newest first."""
        found = [model for model in self._versions.values() if model.name == name]
        return tuple(sorted(found, key=_age, reverse=True))

    def is_registered(self, name: str) -> bool:
        """As far as the last listing tells; what cannot be a name never is."""
        try:
            return self._known(parse_ref(name)) is not None
        except ModelNotFound:
            return False

    def names(self) -> tuple[str, ...]:
        """The catalogue's names in its order, then those that are only registered."""
        listed = [spec.name for spec in self.catalogue]
        return (*listed, *sorted(self._newest.keys() - set(listed)))

    def entry(self, ref: ModelRef) -> tuple[ModelSpec | None, StoredModel | None]:
        """What the catalogue and the last listing say of a model."""
        return self.catalogue.get(ref.name), self._known(ref)

    def default_name(self, config: ServingConfig) -> str:
        """The default model, or the embedded one while the default's weights are not there."""
        if self.is_registered(config.default_model):
            return config.default_model
        return self.catalogue.embedded.name

    def _known(self, ref: ModelRef) -> StoredModel | None:
        meant = ref if ref.version is None else self.meant(ref)
        if meant.version is None:
            return self._plain.get(meant.name)
        return self._versions.get((meant.name, meant.version))

    def _missing(self, ref: ModelRef) -> ModelNotFound | ModelNotRegistered:
        plain = ref.version in (None, LATEST)
        if plain and self.catalogue.get(ref.name) is not None:
            return ModelNotRegistered(
                f"Model {ref.name} is in the catalogue, but its weights are not in the model"
                f" store; register it with: scripts/register {ref.name}"
            )
        meant = self.meant(ref)
        if meant != ref:
            return ModelNotFound(
                f"Model {ref} not found: that alias names version {meant.version}, which is not in"
                " the model store"
            )
        return ModelNotFound(f"Model {ref} not found")

    def _stale(self) -> bool:
        return self._clock.monotonic() - self._listed_at > self._fresh_for

    def _begin(self) -> asyncio.Task[None]:
        """The listing under way, or a new one, whose failure is logged whoever waits for it."""
        if self._listing is None:
            self._listing = asyncio.create_task(self._list())
            self._listing.add_done_callback(_log_failure)
        return self._listing

    async def _list(self) -> None:
        began = self._clock.monotonic()
        try:
            models, aliases = await asyncio.to_thread(self._read)
            self._take(models, aliases, began)
        finally:
            self._listing = None

    def _read(self) -> tuple[Sequence[StoredModel], Mapping[str, Aliases]]:
        return self._store.list(), self._store.aliases()

    def _take(
        self, models: Sequence[StoredModel], aliases: Mapping[str, Aliases], began: float
    ) -> None:
        """Put what was listed in the place of the former listing, all at once."""
        first = self._listed_at == float("-inf")
        before = {name: self.champion(name) for name in {*aliases, *self._aliases}}
        self._newest = MappingProxyType({m.name: m for m in sorted(models, key=_age)})
        self._versions = MappingProxyType({(m.name, m.version): m for m in models})
        self._aliases = MappingProxyType(dict(aliases))
        self._listed_at = began
        champions = {name: self.champion(name) for name in before}
        self._plain = MappingProxyType(
            {**self._newest, **{name: model for name, model in champions.items() if model}}
        )
        self._tell_dangling()
        for name, former in before.items():
            if not first and _version(champions[name]) != _version(former):
                self._on_champion(name)

    def _tell_dangling(self) -> None:
        """Log each champion that is not there, once."""
        dangling = {
            f"{name}:{aliases[CHAMPION]}"
            for name, aliases in self._aliases.items()
            if CHAMPION in aliases and self.champion(name) is None
        }
        for key in sorted(dangling - self._dangling):
            _log.warning(
                "the champion %s is not in the model store: its name means the newest version", key
            )
        self._dangling = frozenset(dangling)


def _age(model: StoredModel) -> tuple[datetime, str]:
    return model.created_at, model.version


def _version(model: StoredModel | None) -> str | None:
    return None if model is None else model.version


def _nothing(_name: str) -> None:
    """Nobody watches."""


def _log_failure(listing: asyncio.Task[None]) -> None:
    error = None if listing.cancelled() else listing.exception()
    if error is not None:
        _log.error("the model store cannot be listed: %s", error, exc_info=error)

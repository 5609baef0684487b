"""Which models there are: the catalogue joined with what the store holds, kept in memory.

Requests never wait for the disk where the name is known. Who watches the store (`watching`) has it
listed when it has changed. For a name that is unknown it is listed as well, unless that was done
in the last `fresh_for` seconds: what was registered just now is found, whoever has seen it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from cache.ports import Clock
from models.aliases import LATEST, NONE, Aliases
from models.catalogue import Catalogue, ModelRef, parse_ref
from models.config import ServingConfig
from models.errors import ModelNotFound, ModelNotRegistered
from models.listing import Change, Listing, changes, listing
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


class Follow(Protocol):
    """Is told what a listing has found."""

    def __call__(self, change: Change, /) -> object: ...


class Directory:
    """What may be served under which name."""

    def __init__(
        self, catalogue: Catalogue, store: Store, clock: Clock, *, fresh_for: float = 1.0
    ) -> None:
        self.catalogue = catalogue
        self._store = store
        self._clock = clock
        self._fresh_for = fresh_for
        self._found = Listing()
        self._listed_at = float("-inf")
        self._listing: asyncio.Task[None] | None = None
        self._on_change: Follow = _nothing

    def follow(self, on_change: Follow) -> None:
        """Call `on_change` with each change that a listing finds, but for the first."""
        self._on_change = on_change

    async def refresh(self) -> None:
        """List the store as it is from now on: a listing under way may have begun too early."""
        await self._landed()
        await asyncio.shield(self._begin())

    async def relist(self) -> None:
        """As `refresh`; a failure is only logged."""
        await self._landed()
        await asyncio.wait([self._begin()])

    async def renew(self) -> None:
        """List the store again unless that was done a moment ago; callers share one listing."""
        if self._clock.monotonic() - self._listed_at > self._fresh_for:
            await asyncio.shield(self._begin())

    async def listed(self) -> None:
        """Return once the store has been listed at all."""
        if self._is_new():
            await self.renew()

    async def find(self, ref: ModelRef) -> StoredModel:
        """The registered model. Raises ModelNotFound or ModelNotRegistered."""
        found = self._found.known(ref)
        if found is None:
            await self.renew()
            found = self._found.known(ref)
        if found is None:
            raise self._missing(ref)
        return found

    def at_hand(self, ref: ModelRef) -> StoredModel | None:
        """The registered model, as `find` has it, where there is nothing to be listed for that."""
        return self._found.known(ref)

    def meant(self, ref: ModelRef) -> ModelRef:
        """The version that an alias names, or the plain name for its champion; else as it is.

        "latest" is the plain name too where no champion has been set.
        """
        return self._found.meant(ref)

    def aliases(self, name: str) -> Aliases:
        """As the store has them: the version of one may be gone."""
        return self._found.aliases.get(name, NONE)

    def aliases_of(self, ref: ModelRef) -> tuple[str, ...]:
        """What else a version may be called, "latest" included."""
        return self._found.aliases_of(ref)

    def champion(self, name: str) -> StoredModel | None:
        """The version that was set for the plain name to stand for, if it is there."""
        return self._found.champion(name)

    def versions(self, name: str) -> tuple[StoredModel, ...]:
        """The registered versions of a model, newest first."""
        return self._found.versions_of(name)

    def is_registered(self, name: str) -> bool:
        """As far as the last listing tells; what cannot be a name never is."""
        try:
            return self._found.known(parse_ref(name)) is not None
        except ModelNotFound:
            return False

    def names(self) -> tuple[str, ...]:
        """The catalogue's names in its order, then those that are only registered."""
        listed = [spec.name for spec in self.catalogue]
        return (*listed, *sorted(self._found.newest.keys() - set(listed)))

    def entry(self, ref: ModelRef) -> tuple[ModelSpec | None, StoredModel | None]:
        """What the catalogue and the last listing say of a model."""
        return self.catalogue.get(ref.name), self._found.known(ref)

    def default_name(self, config: ServingConfig) -> str:
        """The default model, or the embedded one while the default's weights are not there."""
        if self.is_registered(config.default_model):
            return config.default_model
        return self.catalogue.embedded.name

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

    def _is_new(self) -> bool:
        return self._listed_at == float("-inf")

    async def _landed(self) -> None:
        """Return when no listing is under way, whatever became of it."""
        if self._listing is not None:
            await asyncio.wait([self._listing])

    def _begin(self) -> asyncio.Task[None]:
        """The listing under way, or a new one, whose failure is logged whoever waits for it."""
        if self._listing is None:
            self._listing = asyncio.create_task(self._list())
            self._listing.add_done_callback(_log_failure)
        return self._listing

    async def _list(self) -> None:
        began = self._clock.monotonic()
        try:
            found = await asyncio.to_thread(self._read)
            self._take(found, began)
        finally:
            self._listing = None

    def _read(self) -> Listing:
        return listing(self._store.list(), self._store.aliases())

    def _take(self, found: Listing, began: float) -> None:
        """Put what was listed in the place of the former listing, all at once."""
        before, first = self._found, self._is_new()
        self._found, self._listed_at = found, began
        for key in sorted(found.dangling() - before.dangling()):
            _log.warning(
                "the champion %s is not in the model store: its name means the newest version", key
            )
        for change in () if first else changes(before, found):
            self._on_change(change)


def _nothing(_change: Change) -> None:
    """Nobody follows."""


def _log_failure(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _log.error("the model store cannot be listed: %s", error, exc_info=error)

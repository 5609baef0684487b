"""Which models there are: the catalogue joined with what the store holds, kept in memory.

Requests never wait for the disk where the name is known. The listing is renewed behind them
when it is older than `fresh_for` seconds, so that a new registration is seen soon.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from cache.ports import Clock
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
        self._versions: Mapping[tuple[str, str], StoredModel] = MappingProxyType({})
        self._listed_at = float("-inf")
        self._listing: asyncio.Task[None] | None = None

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
        if ref.version is None:
            return self._newest.get(ref.name)
        return self._versions.get((ref.name, ref.version))

    def _missing(self, ref: ModelRef) -> ModelNotFound | ModelNotRegistered:
        if ref.version is None and self.catalogue.get(ref.name) is not None:
            return ModelNotRegistered(
                f"Model {ref.name} is in the catalogue, but its weights are not in the model"
                f" store; register it with: scripts/register {ref.name}"
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
            models = await asyncio.to_thread(self._store.list)
            newest: dict[str, StoredModel] = {}
            for model in sorted(models, key=lambda m: m.created_at):
                newest[model.name] = model
            self._newest = MappingProxyType(newest)
            self._versions = MappingProxyType({(m.name, m.version): m for m in models})
            self._listed_at = began
        finally:
            self._listing = None


def _log_failure(listing: asyncio.Task[None]) -> None:
    error = None if listing.cancelled() else listing.exception()
    if error is not None:
        _log.error("the model store cannot be listed: %s", error, exc_info=error)

"""The versions of a model: listed, and given names by the operator."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from cache.entry import State
from cache.residency import Residency
from models.aliases import CHAMPION, check_alias
from models.catalogue import ModelRef, parse_ref
from models.clock import SystemClock
from models.describe import quarantine_view, shown_origin
from models.directory import Directory
from models.errors import ModelNotFound
from models.listing import Change
from models.loader import LiveModel
from models.refreshing import Refreshing
from models.spec import StoredModel
from models.versions import Versions, key_of, version_of
from models.views.version import AliasReport, SetbackView, VersionsView, VersionView


class AliasStore(Protocol):
    """What is asked of the model store."""

    def set_alias(self, name: str, alias: str, version: str | None) -> str | None:
        """As `ModelStore.set_alias`; blocks on the disk."""
        ...


class Aliasing:
    """`attempt` begins work in the background, which is waited for `patience` seconds."""

    def __init__(
        self,
        store: AliasStore,
        directory: Directory,
        residency: Residency[LiveModel],
        versions: Versions,
        refreshing: Refreshing,
        clock: SystemClock,
        attempt: Callable[[Coroutine[Any, Any, object]], object],
        *,
        patience: float,
    ) -> None:
        self._store = store
        self._directory = directory
        self._residency = residency
        self._versions = versions
        self._refreshing = refreshing
        self._clock = clock
        self._attempt = attempt
        self._patience = patience

    async def versions(self, name: str) -> VersionsView:
        """None for a model of the catalogue that is not registered. Raises ModelNotFound."""
        ref = _plain(name)
        await self._directory.renew()
        stored = {model.version: model for model in self._directory.versions(ref.name)}
        live = [one.stored for one in self._residency.residents() if one.stored.name == ref.name]
        found = {model.version: model for model in live} | stored
        if not found and self._directory.catalogue.get(ref.name) is None:
            raise ModelNotFound(f"Model {ref} not found")
        current = self._versions.known(ref)
        return VersionsView(
            name=ref.name,
            current=None if current is None else version_of(current),
            aliases=dict(self._directory.aliases(ref.name)),
            versions=tuple(
                self._version(model, current, registered=model.version in stored)
                for model in sorted(found.values(), key=_age, reverse=True)
            ),
        )

    async def set_alias(self, name: str, alias: str, version: str | None) -> AliasReport:
        """Have it name a version, or nothing (None); a champion takes the plain name's place.

        That is waited for. Raises InvalidAlias, ModelNotFound or AliasNotSet.
        """
        ref = _plain(name)
        check_alias(alias)
        before = await self._current(ref)
        previous = await asyncio.to_thread(self._store.set_alias, ref.name, alias, version)
        if version is not None:
            self._forgive(key_of(ref.name, version))
        await self._directory.refresh()
        if alias == CHAMPION:
            await self._followed(ref.name)
        current = self._versions.known(ref)
        swap, error = self._outcome(ref.name, before, current) if alias == CHAMPION else _NONE
        shown = None if current is None else version_of(current)
        return AliasReport(ref.name, alias, version, previous, shown, swap, error)

    def follow(self, change: Change) -> None:
        """Call when the store has another champion, whoever has set it, or a newer version.

        Nothing is held against a newer version, but one of its key may be in quarantine.
        """
        name, champion = change.name, self._versions.champion(change.name)
        wanted = self._versions.wanted(name) if change.newer else None
        if champion is not None:
            self._forgive(champion)
        if wanted is not None:
            self._residency.forgive(wanted)
        self._attempt(self._refreshing.follow(name, patient=not change.newer))

    async def _current(self, ref: ModelRef) -> str | None:
        """What the name stands for before anything is changed; None where nothing is there."""
        await self._directory.listed()
        return self._versions.known(ref)

    async def _followed(self, name: str) -> None:
        """Return when the champion has its place, or has not got it, or after a while."""
        over = asyncio.Event()

        async def follow() -> None:
            try:
                await self._refreshing.follow(name)
            finally:
                over.set()

        self._attempt(follow())
        try:
            async with asyncio.timeout(self._patience):
                await over.wait()
        except TimeoutError:
            return

    def _outcome(
        self, name: str, before: str | None, current: str | None
    ) -> tuple[str, str | None]:
        wanted = self._versions.wanted(name)
        if wanted is None or current == wanted:
            return ("not_needed" if before == current else "done"), None
        setback = self._versions.setback(wanted)
        return ("under_way", None) if setback is None else ("failed", setback.error)

    def _forgive(self, key: str) -> None:
        self._residency.forgive(key)
        self._versions.forgive(key)

    def _version(self, model: StoredModel, current: str | None, *, registered: bool) -> VersionView:
        key = key_of(model.name, model.version)
        suspension = self._residency.suspension(key)
        return VersionView(
            version=model.version,
            created_at=model.created_at,
            engine=model.engine,
            precision=model.precision,
            size=model.size,
            aliases=self._directory.aliases_of(parse_ref(key)),
            current=key == current,
            state=self._state(key),
            registered=registered,
            source=model.source,
            origin=shown_origin(model),
            parity=model.compiled.parity if model.compiled else None,
            setback=self._setback(key),
            quarantine=None if suspension is None else quarantine_view(suspension, self._clock),
        )

    def _setback(self, key: str) -> SetbackView | None:
        setback = self._versions.setback(key)
        if setback is None:
            return None
        return SetbackView(setback.error, self._clock.utc(setback.at), setback.held)

    def _state(self, key: str) -> str:
        entry = self._residency.entry(key)
        if entry is None:
            return "not_cached"
        return "loaded" if entry.state is State.RESIDENT else "cached"


_NONE = ("not_needed", None)


def _plain(name: str) -> ModelRef:
    """The reference of a whole model. Raises ModelNotFound for one of its versions."""
    ref = parse_ref(name)
    if ref.version is not None:
        raise ModelNotFound(f"Model {ref} not found: give the model's name without a version here")
    return ref


def _age(model: StoredModel) -> tuple[object, str]:
    return model.created_at, model.version

"""What the model store held when it was listed: by name, version and alias. Never changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from models.aliases import CHAMPION, LATEST, NONE, Aliases
from models.catalogue import ModelRef
from models.spec import StoredModel


@dataclass(frozen=True, slots=True)
class Listing:
    """`plain` has what each plain name stands for: its champion, or the newest."""

    newest: Mapping[str, StoredModel] = field(default_factory=dict)
    plain: Mapping[str, StoredModel] = field(default_factory=dict)
    versions: Mapping[tuple[str, str], StoredModel] = field(default_factory=dict)
    aliases: Mapping[str, Aliases] = field(default_factory=dict)

    def champion(self, name: str) -> StoredModel | None:
        """The version that was set for the plain name to stand for, if it is there."""
        return self.versions.get((name, self.aliases.get(name, NONE).get(CHAMPION, "")))

    def meant(self, ref: ModelRef) -> ModelRef:
        """As `Directory.meant`."""
        name, alias = ref.name, ref.version
        if alias is None or (name, alias) in self.versions:
            return ref
        champion = self.champion(name)
        if alias == LATEST:
            newest = self.newest.get(name)
            return ModelRef(name, newest.version if champion and newest else None)
        if alias == CHAMPION and champion is not None:
            return ModelRef(name)
        version = self.aliases.get(name, NONE).get(alias)
        return ref if version is None else ModelRef(name, version)

    def known(self, ref: ModelRef) -> StoredModel | None:
        """The registered model."""
        meant = ref if ref.version is None else self.meant(ref)
        if meant.version is None:
            return self.plain.get(meant.name)
        return self.versions.get((meant.name, meant.version))

    def aliases_of(self, ref: ModelRef) -> tuple[str, ...]:
        """What else a version may be called, "latest" included."""
        newest = self.newest.get(ref.name)
        latest = [LATEST] if newest is not None and newest.version == ref.version else []
        aliases = self.aliases.get(ref.name, NONE)
        return (*sorted(a for a, version in aliases.items() if version == ref.version), *latest)

    def versions_of(self, name: str) -> tuple[StoredModel, ...]:
        """The registered versions of a model, newest first."""
        found = [model for model in self.versions.values() if model.name == name]
        return tuple(sorted(found, key=_age, reverse=True))

    def dangling(self) -> frozenset[str]:
        """The champions ("name:version") that are not there."""
        return frozenset(
            f"{name}:{aliases[CHAMPION]}"
            for name, aliases in self.aliases.items()
            if CHAMPION in aliases and self.champion(name) is None
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A name stands for another version: for another champion; or none is set, and it is `newer`.

    One that has no champion any more, and stands for the newest, is not `newer`.
    """

    name: str
    newer: bool


def listing(models: Sequence[StoredModel], aliases: Mapping[str, Aliases]) -> Listing:
    """Put in order what the store has."""
    newest = {model.name: model for model in sorted(models, key=_age)}
    versions = {(model.name, model.version): model for model in models}
    found = Listing(newest, newest, versions, dict(aliases))
    champions = {name: champion for name in aliases if (champion := found.champion(name))}
    return Listing(newest, {**newest, **champions}, versions, found.aliases)


def changes(before: Listing, after: Listing) -> Iterator[Change]:
    """The names that may have something new to stand for; one that is new or back is `newer`.

    Where the newest was deleted and there is no champion, nothing new has come.
    """
    for name, now in after.plain.items():
        former, champion = before.plain.get(name), after.champion(name)
        if _version(champion) != _version(before.champion(name)):
            yield Change(name, newer=False)
        elif champion is None and (former is None or _age(now) > _age(former)):
            yield Change(name, newer=True)


def _age(model: StoredModel) -> tuple[datetime, str]:
    return model.created_at, model.version


def _version(model: StoredModel | None) -> str | None:
    return None if model is None else model.version

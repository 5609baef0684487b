"""The BentoML model store, as this service uses it: what it registered there, and adding to it.

Reading goes by the files (`NAME/VERSION/model.yaml`), because BentoML's own listing fails as a
whole while any process copies a model in. Entries are made by `bentoml.models.create` and renamed
into place, so that no reader, BentoML's own included, ever sees half of one.
"""

import errno
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from models.aliases import FILE, Aliases, AliasFiles, aliases_text, check_alias, with_alias
from models.card import YAML, Card, read_card, renewed_text, write_card
from models.catalogue import is_name
from models.errors import (
    AliasNotSet,
    InvalidAlias,
    ModelLoadFailed,
    ModelNotFound,
    RegistrationFailed,
)
from models.integrity import Verifier
from models.spec import StoredModel
from models.staging import lock, staging_folder, told

_log = logging.getLogger(__name__)


class ModelStore:
    """Blocks on the disk; may be used from several threads and processes at once."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` None means the store that BentoML is configured for (BENTOML_HOME)."""
        self.path = path or _configured_path()
        self._verifier = Verifier()
        self._read: dict[Path, tuple[tuple[int, int, int], StoredModel | None]] = {}
        self._aliases = AliasFiles()

    def find(self, name: str, version: str | None = None) -> StoredModel | None:
        """The registered model, the newest of that name when `version` is None."""
        if not is_name(name) or (version is not None and not is_name(version)):
            return None
        found = self._versions(self.path / name)
        if version is not None:
            return next((model for model in found if model.version == version), None)
        return found[-1] if found else None

    def list(self) -> tuple[StoredModel, ...]:
        """All that this service registered: by name, the newest version of a name last.

        A version whose files are not all there (another process may be copying it) is passed
        over while the name has a whole one.
        """
        return tuple(model for folder in _subfolders(self.path) for model in self._versions(folder))

    def aliases(self) -> Mapping[str, Aliases]:
        """The aliases of each name that has any, as they stand there: a version may be gone."""
        read = {folder.name: self._aliases.read(folder) for folder in _subfolders(self.path)}
        return {name: aliases for name, aliases in read.items() if aliases}

    def set_alias(self, name: str, alias: str, version: str | None) -> str | None:
        """Have `alias` name that version of a model, or nothing (None); the version it named.

        Raises InvalidAlias, ModelNotFound, and AliasNotSet where the store cannot be written.
        """
        check_alias(alias)
        folder = self.path / name
        self._check(name, alias, version)
        try:
            with lock(self.path):
                self._check(name, alias, version)
                before = self._aliases.read(folder)
                after = with_alias(before, alias, version)
                if after:
                    _replace(folder / FILE, aliases_text(after))
                else:
                    (folder / FILE).unlink(missing_ok=True)
        except OSError as error:
            raise AliasNotSet(
                f"the aliases of {name} are as they were: {folder} cannot be written"
                f" ({error.strerror or error}); see to it that it can, and try again"
            ) from error
        return before.get(alias)

    def _check(self, name: str, alias: str, version: str | None) -> None:
        """What a new alias needs: a registered version, and not the name of one."""
        if self.find(name) is None:
            raise ModelNotFound(f"Model {name} not found in the model store")
        if version is not None and self.find(name, version) is None:
            raise ModelNotFound(f"Model {name}:{version} not found in the model store")
        if version is not None and self.find(name, alias) is not None:
            raise InvalidAlias(f"{name}:{alias} is a version already: use another alias")

    def verify(self, stored: StoredModel) -> None:
        """Compare every file that a load reads with its digest; costs microseconds when unchanged.

        Raises ModelLoadFailed that names the file and says to register the model again.
        """
        try:
            self._verifier.check(stored.path, stored.digests)
        except ModelLoadFailed as error:
            raise ModelLoadFailed(f"{stored.name}:{stored.version} is damaged: {error}") from error

    def staging(self) -> AbstractContextManager[Path]:
        """A folder to make a new entry in, on the store's file system; gone afterwards."""
        return staging_folder(self.path)

    def add(self, staged: Path, card: Card) -> StoredModel:
        """Take the files of `staged` in as `card` says: all at once, or not at all.

        A sound entry of that version stays, and becomes the newest; a damaged one is replaced.
        Raises RegistrationFailed; the store then is as it was.
        """
        target = self.path / card.name / card.version
        with told(self.path), self.staging() as aside, lock(self.path):
            present = self.find(card.name, card.version)
            if present is not None and self._is_sound(present):
                return self._renew(present)
            write_card(staged, card)
            _publish(staged, target, aside)
            return self._registered(card.name, card.version)

    def renew(self, stored: StoredModel) -> StoredModel:
        """Make it the newest version of its name, if it is not. Raises RegistrationFailed."""
        if self.find(stored.name) == stored:
            return stored
        with told(self.path), lock(self.path):
            return self._renew(stored)

    def _renew(self, stored: StoredModel) -> StoredModel:
        if self.find(stored.name) != stored:
            _replace(stored.path / YAML, renewed_text(stored.path))
            _replace(stored.path.parent / "latest", stored.version)
        return self._registered(stored.name, stored.version)

    def _registered(self, name: str, version: str) -> StoredModel:
        found = self.find(name, version)
        if found is None:
            raise RegistrationFailed(f"{name}:{version} is gone from {self.path} already")
        return found

    def _is_sound(self, stored: StoredModel) -> bool:
        try:
            self.verify(stored)
        except ModelLoadFailed:
            return False
        return True

    def _versions(self, folder: Path) -> Sequence[StoredModel]:
        """Ours below one name, oldest first; the whole ones if there are any."""
        entries = [self._entry(version) for version in _subfolders(folder)]
        found = sorted(
            (model for model in entries if model is not None),
            key=lambda model: (model.created_at, model.version),
        )
        return [model for model in found if _is_whole(model)] or found

    def _entry(self, folder: Path) -> StoredModel | None:
        """None for other people's entries, and for what cannot be read (yet)."""
        try:
            state = (folder / YAML).stat()
            stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
            known = self._read.get(folder)
            if known is not None and known[0] == stamp:
                return known[1]
            model = read_card(folder)
        except OSError:
            return None
        except ValueError as error:
            _log.warning("An entry of the model store is passed over: %s", error)
            model = None
        self._read[folder] = (stamp, model)
        return model


def _configured_path() -> Path:
    # BentoML has no public way to ask where its store is.
    from bentoml._internal.configuration.containers import BentoMLContainer  # noqa: PLC0415

    return Path(BentoMLContainer.model_store_dir.get())


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(e.path) for e in entries if is_name(e.name) and e.is_dir())
    except OSError:
        return []


def _is_whole(model: StoredModel) -> bool:
    try:
        return sum((model.path / name).stat().st_size for name in model.digests) == model.size
    except OSError:
        return False


def _publish(staged: Path, target: Path, aside: Path) -> None:
    """Rename `staged` to `target`; a damaged entry in its place goes to `aside`."""
    staged.chmod(0o755)
    target.parent.mkdir(exist_ok=True)
    latest = aside / "latest"
    replaced = aside / "replaced"
    try:
        latest.write_text(target.name, encoding="utf-8")
        with suppress(FileNotFoundError):
            target.rename(replaced)
        staged.rename(target)
        latest.replace(target.parent / "latest")
    except BaseException as error:
        if replaced.exists() and not target.exists():
            replaced.rename(target)
        with suppress(OSError):
            target.parent.rmdir()
        if isinstance(error, OSError) and error.errno == errno.EXDEV:
            raise RegistrationFailed(f"{staged} is not from staging() of this store") from error
        raise


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)

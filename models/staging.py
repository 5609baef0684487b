"""Folders beside the model store in which new entries are made, to be renamed into it."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from models.errors import RegistrationFailed

STAGING = "model-cache-staging"
"""The folder beside the store; in it, where it must be, it has this name too."""
_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def lock(store: Path) -> Iterator[None]:
    """Among all processes and threads, only one writer of `store` is in here."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".model-cache.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def staging_folder(store: Path) -> Iterator[Path]:
    """An empty folder on the store's file system, gone afterwards with what is left in it.

    Folders left behind by writers that were killed are removed first. Raises RegistrationFailed
    in place of OSError, whether it comes from here or from the block.
    """
    with told(store):
        with lock(store):
            root = _root(store)
            _remove_abandoned(root)
            folder = Path(tempfile.mkdtemp(prefix="new-", dir=root))
            held = _hold(folder)
        try:
            yield folder
        finally:
            os.close(held)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def told(store: Path) -> Iterator[None]:
    """Translate OSError into RegistrationFailed that says what to do."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        advice = "free some space" if error.errno in _SPACE else "see to it that it can be written"
        raise RegistrationFailed(
            f"nothing was registered in {store} ({what}); {advice} and try again"
        ) from error


def _root(store: Path) -> Path:
    """Beside the store, where BentoML does not look; inside it when it is a mount of its own."""
    beside = store.parent / f".{STAGING}"
    with suppress(OSError):
        beside.mkdir(exist_ok=True)
        if _renames(beside, store):
            return beside
    return _inside(store)


def _renames(source: Path, store: Path) -> bool:
    handle, probe = tempfile.mkstemp(dir=source)
    os.close(handle)
    target = store / f".{Path(probe).name}"
    try:
        Path(probe).rename(target)
    except OSError:
        Path(probe).unlink()
        return False
    target.unlink()
    return True


def _inside(store: Path) -> Path:
    """BentoML cannot list a store with a folder that is no model, so this one is an empty model."""
    folder = store / STAGING / "work"
    if not (folder / "model.yaml").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.yaml").write_text(
            f"name: {STAGING}\nversion: work\nmodule: ''\nlabels: {{}}\noptions: {{}}\n"
            "metadata: {}\ncontext: {framework_name: '', framework_versions: {},"
            " bentoml_version: '1.4', python_version: '3.11'}\nsignatures: {}\napi_version: v1\n"
            "creation_time: '2026-01-01T00:00:00+00:00'\n",
            encoding="utf-8",
        )
    return folder


def _hold(folder: Path) -> int:
    """A lock that ends with this process tells the others that the folder is in use."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _remove_abandoned(root: Path) -> None:
    for folder in root.glob("new-*"):
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # its writer has just finished with it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)

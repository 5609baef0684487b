"""SHA-256 of model files: taken at registration, checked before every load, remembered."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import Path, PurePosixPath

from models.errors import ModelLoadFailed

_Identity = tuple[int, int, int, int, int]

_BLOCK = 1 << 20

_SETTLED = 2.0
"""Seconds since its last change from which a file's times tell every later change apart."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return _sha256(file)


def copy_with_digest(source: Path, target: Path) -> str:
    """Copy a file's bytes; returns the SHA-256 of what was written. Raises OSError."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while block := reader.read(_BLOCK):
            digest.update(block)
            writer.write(block)
    return digest.hexdigest()


def combined_digest(parts: Mapping[str, str]) -> str:
    """One SHA-256 over names and what they stand for, whatever their order."""
    listed = "".join(f"{name}\0{parts[name]}\0" for name in sorted(parts))
    return hashlib.sha256(listed.encode()).hexdigest()


def _sha256(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


class Verifier:
    """Compares files with their digests; hashes a file again only when it was changed.

    `now` is wall-clock time, as files are stamped with; seconds.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        digest: Callable[[BufferedReader], str] = _sha256,
    ) -> None:
        self._now = now
        self._hash = digest
        self._known: dict[_Identity, str] = {}
        self._lock = threading.Lock()

    def check(self, folder: Path, digests: Mapping[str, str]) -> None:
        """Raises ModelLoadFailed, naming the file that is not what was registered."""
        if not digests:
            raise ModelLoadFailed("its metadata has no digests; register it again")
        try:
            _refuse_links(folder)
        except OSError as error:
            raise ModelLoadFailed(f"{folder} is gone; register it again") from error
        for name, digest in digests.items():
            if not _is_inside(name):
                raise ModelLoadFailed(f"{name!r} is outside of its folder; register it again")
            try:
                found = self._digest(folder / name)
            except FileNotFoundError:
                raise ModelLoadFailed(f"{name} is missing; register it again") from None
            except OSError as error:
                raise ModelLoadFailed(
                    f"{name} cannot be read ({error.strerror}); register it again"
                ) from error
            if found != digest:
                raise ModelLoadFailed(
                    f"{name} is not what was registered (its SHA-256 differs); register it again"
                )

    def _digest(self, path: Path) -> str:
        with path.open("rb") as file:
            identity = _identity(file)
            with self._lock:
                known = self._known.get(identity)
            if known is not None:
                return known
            digest = self._hash(file)
            settled = self._now() - os.fstat(file.fileno()).st_ctime > _SETTLED
            if settled and _identity(file) == identity:
                with self._lock:
                    self._known[identity] = digest
        return digest


def _identity(file: BufferedReader) -> _Identity:
    found = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)


def _refuse_links(folder: Path | str) -> None:
    """What is registered has no symbolic links, so one that is there leads elsewhere."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise ModelLoadFailed(f"{entry.name} is a symbolic link; register it again")
            if entry.is_dir(follow_symlinks=False):
                _refuse_links(entry.path)

"""The cgroups with a memory limit that this process is in, of version 1 and 2; sizes in bytes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNLIMITED = 1 << 60
"""cgroup v1 writes "no limit" as a number near 2^63."""

_MOST = 1 << 16
"""Bytes of a file that are read: ten times what the longest, memory.stat, has."""


@dataclass(frozen=True, slots=True)
class _Version:
    """What the files are called. Neither line of the cache has shmem or tmpfs in it."""

    limit: str
    usage: str
    cache: tuple[str, str]


_V1 = _Version(
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_inactive_file", "total_active_file"),
)
_V2 = _Version("memory.max", "memory.current", ("inactive_file", "active_file"))


@dataclass(frozen=True, slots=True)
class LimitedGroup:
    """A cgroup's folder and its limit."""

    folder: Path
    limit: int
    version: _Version

    def usage(self) -> int | None:
        """What all its processes use, page cache included; None when it cannot be read."""
        return _number(self.folder / self.version.usage)

    def page_cache(self) -> int | None:
        """What of the usage the kernel takes back when it needs it; None as above."""
        parts = figures(self.folder / "memory.stat", *self.version.cache)
        return sum(parts.values()) if len(parts) == len(self.version.cache) else None


def limited_groups(root: Path, proc: Path) -> Iterator[LimitedGroup]:
    """This process's groups and their ancestors, as far as they have a limit.

    `root` is where cgroups are mounted, `proc` where the kernel shows its processes.
    """
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _ancestors(root, root / path.lstrip("/"), _V2)
        elif "memory" in controllers.split(","):
            top = root / "memory"
            yield from _ancestors(top, top / path.lstrip("/"), _V1)


def _ancestors(top: Path, group: Path, version: _Version) -> Iterator[LimitedGroup]:
    """From `group` up to `top`. In a container the group's own path may not be visible."""
    for folder in (group, *group.parents):
        limit = _number(folder / version.limit)
        if limit is not None and 0 < limit < UNLIMITED:
            yield LimitedGroup(folder, limit, version)
        if folder == top:
            return


def figures(path: Path, *names: str) -> dict[str, int]:
    """The numbers behind these first words of a line, as far as the file can be read."""
    pairs = (line.partition(" ") for line in _read(path).splitlines())
    known = {name: rest.split(maxsplit=1) for name, _, rest in pairs if name in names}
    return {name: int(words[0]) for name, words in known.items() if words and words[0].isdecimal()}


def _read(path: Path) -> str:
    """A file of the kernel's; empty when it cannot be read. One read gives all of such a file."""
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, _MOST).decode(errors="surrogateescape")
        finally:
            os.close(file)
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    """What the file says; None when it says "max", something else, or is not there."""
    text = _read(path).strip()
    return int(text) if text.isdecimal() else None

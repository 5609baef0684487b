"""How much memory this process tree may use: the smallest cgroup limit, else all there is."""

from collections.abc import Iterator
from pathlib import Path

import psutil

_UNLIMITED = 1 << 60
"""cgroup v1 writes "no limit" as a number near 2^63."""


def memory_limit(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> int:
    """Bytes: the smallest limit of all cgroups this process is in (v1 and v2), at most physical."""
    physical = int(psutil.virtual_memory().total)
    return min([physical, *_cgroup_limits(root, proc)])


def _cgroup_limits(root: Path, proc: Path) -> Iterator[int]:
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _ancestors(root, root / path.lstrip("/"), "memory.max")
        elif "memory" in controllers.split(","):
            top = root / "memory"
            yield from _ancestors(top, top / path.lstrip("/"), "memory.limit_in_bytes")


def _ancestors(top: Path, group: Path, name: str) -> Iterator[int]:
    """Limits from `group` up to `top`. In a container the group's own path may not be visible."""
    for folder in (group, *group.parents):
        try:
            text = (folder / name).read_text().strip()
        except OSError:
            text = "max"
        if text != "max" and 0 < int(text) < _UNLIMITED:
            yield int(text)
        if folder == top:
            return

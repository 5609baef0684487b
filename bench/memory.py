"""What processes hold, read from /proc by the bench itself; bytes.

Not the service's own code on purpose: what is checked must not check itself.
"""

from collections.abc import Iterable
from pathlib import Path

import psutil

_OWN = ("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:", "SwapPss:")
_SHARED = ("Shared_Clean:", "Shared_Dirty:")


def tree(pid: int) -> int:
    """Proportional set size of a process and all below it."""
    try:
        root = psutil.Process(pid)
        members = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_sum(_lines(member.pid, "smaps_rollup"), ("Pss:", "SwapPss:")) for member in members)


def held(pid: int, model: Path) -> int:
    """Unique set size, and what else is mapped of the files in the folder `model`."""
    unique = _sum(_lines(pid, "smaps_rollup"), _OWN)
    return unique + shared_of(_lines(pid, "smaps"), model)


def shared_of(smaps: Iterable[str], model: Path) -> int:
    """Pages of the folder's files that other processes map too."""
    below, inside, total = f"{model.resolve()}/", False, 0
    for line in smaps:
        first, *rest = line.split(maxsplit=5)
        if not first.endswith(":"):
            inside = len(rest) == 5 and rest[4].startswith(below)  # noqa: PLR2004  # has a path
        elif inside and first in _SHARED:
            total += int(rest[0]) * 1024
    return total


def _sum(lines: Iterable[str], names: tuple[str, ...]) -> int:
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(names))


def _lines(pid: int, name: str) -> list[str]:
    """Empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="surrogateescape").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []

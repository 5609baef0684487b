"""What a process costs in memory, from /proc/PID/smaps; all figures in bytes.

The unique set size counts a mapped file fully while one process maps it and not at all while two
do, as the old and the new version of a model beside each other. So a runner is charged what is
its own, plus every mapped page of its model's own files, shared or not. Of swapped pages it is
charged its share, for those of the fork server are in everybody's figure.
"""

from collections.abc import Iterable
from pathlib import Path

_PRIVATE = frozenset({"Private_Clean", "Private_Dirty", "SwapPss"})
_SHARED = frozenset({"Shared_Clean", "Shared_Dirty"})
_WORDS_BEFORE_PATH = 5


def charge(smaps: Iterable[str], model: Path) -> int:
    """What the lines of an smaps file charge to a runner of the model in the folder `model`."""
    below = f"{model}/"
    charged, total = _PRIVATE, 0
    for line in smaps:
        name, _, rest = line.partition(":")
        if name in charged:
            total += _kilobytes(rest)
        elif " " in name:
            charged = _PRIVATE | _SHARED if _path(line).startswith(below) else _PRIVATE
    return total


def sums(rollup: Iterable[str]) -> tuple[int, int]:
    """(proportional, private) set size of the lines of an smaps_rollup file, swap included."""
    proportional = private = 0
    for line in rollup:
        name, _, rest = line.partition(":")
        if name in {"Pss", "SwapPss"}:
            proportional += _kilobytes(rest)
        if name in _PRIVATE:
            private += _kilobytes(rest)
    return proportional, private


def footprint(pid: int, model: Path) -> int | None:
    """What process `pid` costs as a runner of the model in `model`; None when it is gone."""
    lines = _read(pid, "smaps")
    return charge(lines, model.resolve()) if lines else None


def pss(pid: int) -> int:
    """Proportional set size; 0 when the process is gone."""
    return sums(_read(pid, "smaps_rollup"))[0]


def shared_part(pid: int) -> int:
    """What of `pss` is its share of pages that others map too; 0 when the process is gone."""
    proportional, private = sums(_read(pid, "smaps_rollup"))
    return max(0, proportional - private)


def _read(pid: int, name: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="surrogateescape").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _kilobytes(value: str) -> int:
    return int(value.split(maxsplit=1)[0]) * 1024


def _path(header: str) -> str:
    words = header.split(maxsplit=_WORDS_BEFORE_PATH)
    return words[_WORDS_BEFORE_PATH] if len(words) > _WORDS_BEFORE_PATH else ""

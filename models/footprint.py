"""What a process costs in memory, from /proc/PID/smaps; all figures in bytes.

The unique set size counts a mapped file fully while one process maps it and not at all while two
do, as the old and the new version of a model beside each other. So a runner is charged what is
its own, plus every mapped page of its model's own files, shared or not. Of swapped pages it is
charged its share, for those of the fork server are in everybody's figure.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_PRIVATE = frozenset({"Private_Clean", "Private_Dirty", "SwapPss"})
_SHARED = frozenset({"Shared_Clean", "Shared_Dirty"})
_PROPORTIONAL = frozenset({"Pss", "SwapPss"})
_ANONYMOUS = frozenset({"Pss_Anon", "Pss_Shmem"})
_SUMMED = _PROPORTIONAL | _PRIVATE | _ANONYMOUS
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


@dataclass(frozen=True, slots=True)
class Rollup:
    """What a whole process has, swap included: its proportional set size, and parts of that."""

    proportional: int = 0
    private: int = 0
    anonymous: int = 0
    """Not backed by a file. Where the kernel does not tell, as before Linux 5.4, the private."""

    @property
    def shared(self) -> int:
        """Its share of the pages that others map too."""
        return max(0, self.proportional - self.private)


def sums(lines: Iterable[str]) -> Rollup:
    """What the lines of an smaps_rollup file add up to."""
    pairs = (line.partition(":") for line in lines)
    known = {name: _kilobytes(rest) for name, _, rest in pairs if name in _SUMMED}
    private = _total(known, _PRIVATE)
    return Rollup(
        proportional=_total(known, _PROPORTIONAL),
        private=private,
        anonymous=_total(known, _ANONYMOUS) if "Pss_Anon" in known else private,
    )


def footprint(pid: int, model: Path) -> int | None:
    """What process `pid` costs as a runner of the model in `model`; None when it is gone."""
    lines = _read(pid, "smaps")
    return charge(lines, model.resolve()) if lines else None


def rollup(pid: int) -> Rollup:
    """The figures of process `pid`, from one read; all 0 when it is gone."""
    return sums(_read(pid, "smaps_rollup"))


def _read(pid: int, name: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="surrogateescape").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _total(known: Mapping[str, int], names: Collection[str]) -> int:
    return sum(known.get(name, 0) for name in names)


def _kilobytes(value: str) -> int:
    return int(value.split(maxsplit=1)[0]) * 1024


def _path(header: str) -> str:
    words = header.split(maxsplit=_WORDS_BEFORE_PATH)
    return words[_WORDS_BEFORE_PATH] if len(words) > _WORDS_BEFORE_PATH else ""

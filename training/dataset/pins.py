"""Which packages texts are taken from: names, versions and SHA-256 of `dataset-sources.txt`."""

import re
from dataclasses import dataclass
from pathlib import Path

from models.labelled.rows import DataError

ROOT = Path(__file__).parents[2]
PINS = ROOT / "requirements" / "dataset-sources.txt"
_LINE = re.compile(r"([a-z0-9-]+)==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*")


@dataclass(frozen=True, slots=True)
class Pin:
    name: str
    version: str
    sha256: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"

    def requirement(self) -> str:
        """A line for `pip --require-hashes`."""
        return " ".join((str(self), *(f"--hash=sha256:{one}" for one in sorted(self.sha256))))


def read_pins(path: Path = PINS) -> tuple[Pin, ...]:
    """Raises DataError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    lines = text.replace("\\\n", " ").splitlines()
    return tuple(_pin(path, line) for line in lines if line.strip() and not line.startswith("#"))


def _pin(path: Path, line: str) -> Pin:
    found = _LINE.fullmatch(line)
    if found is None:
        raise DataError(f"{path}: no package==version with --hash=sha256:… in {line.strip()!r}")
    hashes = frozenset(re.findall(r"sha256:([0-9a-f]{64})", found[3]))
    return Pin(found[1], found[2], hashes)

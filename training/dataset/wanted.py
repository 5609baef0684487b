"""The list of rows: for each its kind and a digest of its text, and no text.

A file of these lines, in this order; a digest is the first 16 hex digits of the SHA-256 of the
text in UTF-8, and the SHA-256 of a split is that of its whole JSONL file:

    kind LETTER LABEL SOURCE
    split NAME SHA256
    LETTER DIGEST             one a row, in the order of the split
"""

import hashlib
import string
from dataclasses import dataclass
from pathlib import Path

from models.labelled.rows import LABELS, DataError, read_rows

WANTED = Path(__file__).with_name("wanted.txt")
SPLITS = ("train", "test")
_HEX = set("0123456789abcdef")
_DIGITS, _ALL_DIGITS = 16, 64
_HEAD = "# The rows of the dataset, without their texts: see training/dataset/wanted.py.\n"


@dataclass(frozen=True, slots=True)
class Kind:
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class WantedRow:
    kind: Kind
    digest: str


@dataclass(frozen=True, slots=True)
class Split:
    """`sha256` is that of the JSONL file that holds all of `rows` in this order."""

    name: str
    sha256: str
    rows: tuple[WantedRow, ...]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def file_digest(path: Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_wanted(path: Path = WANTED) -> tuple[Split, ...]:
    """Raises DataError."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    kinds: dict[str, Kind] = {}
    splits: list[tuple[str, str, list[WantedRow]]] = []
    for number, line in enumerate(lines, start=1):
        match line.split():
            case []:
                pass
            case ["#", *_]:
                pass
            case ["kind", letter, label, source] if label in LABELS:
                kinds[letter] = Kind(label, source)
            case ["split", name, sha256] if _is_hex(sha256, _ALL_DIGITS) and name in SPLITS:
                splits.append((name, sha256, []))
            case [letter, found] if letter in kinds and splits and _is_hex(found, _DIGITS):
                splits[-1][2].append(WantedRow(kinds[letter], found))
            case _:
                raise DataError(f"{path}, line {number} is damaged: restore the file")
    if tuple(name for name, _, _ in splits) != SPLITS:
        raise DataError(f"{path} does not hold the splits {' and '.join(SPLITS)}: restore the file")
    return tuple(Split(name, sha256, tuple(rows)) for name, sha256, rows in splits)


def wanted_text(folder: Path) -> str:
    """The list that asks for what `train.jsonl` and `test.jsonl` of a folder hold.

    It has room for 52 kinds. Raises DataError and OSError.
    """
    splits = {name: read_rows(folder / f"{name}.jsonl") for name in SPLITS}
    kinds = sorted({(row.label, row.source) for rows in splits.values() for row in rows})
    letters = dict(zip(kinds, string.ascii_letters, strict=False))
    lines = [f"kind {letter} {label} {source}" for (label, source), letter in letters.items()]
    for name, rows in splits.items():
        lines.append(f"split {name} {file_digest(folder / f'{name}.jsonl')}")
        lines += [f"{letters[row.label, row.source]} {digest(row.text)}" for row in rows]
    return _HEAD + "\n".join(lines) + "\n"


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and set(text) <= _HEX

"""Labelled texts, one JSON object a line: what a classifier is trained on and judged by."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

LABELS = ("benign", "prompt_injection", "jailbreak", "system_extraction", "code_injection")
"""In the order of the classes of `minilm-l6-v2_trained`."""

HARMLESS = LABELS[0]
_FIELDS = ("text", "label", "source")


class DataError(Exception):
    """A file is not what it should be; the message says where, and is for the user."""


@dataclass(frozen=True, slots=True)
class Row:
    """`source` says where the text is from, so that figures can be told by it."""

    text: str
    label: str
    source: str


def read_rows(path: Path) -> list[Row]:
    """All rows of a JSONL file; `source` may be missing there. Raises DataError."""
    try:
        with path.open(encoding="utf-8") as lines:
            rows = list(_rows(path, lines))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not rows:
        raise DataError(f"{path} has no rows")
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """In one step: whoever reads the file finds the old one or the new one."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    part.replace(path)


def _rows(path: Path, lines: Iterable[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _row(f"{path}, line {number}", line)


def _row(where: str, line: str) -> Row:
    try:
        read = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: no JSON ({error})") from error
    if not isinstance(read, dict):
        raise DataError(f"{where}: no object")
    text, label, source = (read.get(name, "") for name in _FIELDS)
    if not (isinstance(text, str) and isinstance(label, str) and isinstance(source, str)):
        raise DataError(f"{where}: text, label and source are strings")
    if not text.strip() or not label:
        raise DataError(f"{where}: text and label must not be empty")
    return Row(text, label, source)

"""Which rows are kept apart, to choose or to judge by: the same ones every time."""

import hashlib
from collections.abc import Sequence

from models.labelled.rows import DataError, Row

_PARTS = 16
_SHOWN = 60


def split(rows: Sequence[Row], parts: int = _PARTS) -> tuple[list[Row], list[Row]]:
    """Those to train on, and one in so many `parts` kept apart, by the digest of the text."""
    apart = [digest(row.text) % parts == 0 for row in rows]
    training = [row for row, out in zip(rows, apart, strict=True) if not out]
    return training, [row for row, out in zip(rows, apart, strict=True) if out]


def without(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """Rows whose text stands in none of `others`, whatever its case and spacing."""
    known = {plain(row.text) for row in others}
    return [row for row in rows if plain(row.text) not in known]


def once(rows: Sequence[Row]) -> list[Row]:
    """The first row of each text. Raises DataError where the same text has two labels."""
    known: dict[str, Row] = {}
    for row in rows:
        first = known.setdefault(plain(row.text), row)
        if first.label != row.label:
            told = f"{row.text[:_SHOWN]!r} is {first.label} ({first.source})"
            raise DataError(f"{told}, and {row.label} ({row.source}): correct one of them")
    return list(known.values())


def plain(text: str) -> str:
    return " ".join(text.lower().split())


def digest(text: str) -> int:
    """32 bits of the text's SHA-256, whatever its case and spacing."""
    return int.from_bytes(hashlib.sha256(plain(text).encode()).digest()[:4], "big")

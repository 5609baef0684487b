"""Which rows are kept apart to choose a temperature by: the same ones every time."""

import hashlib
from collections.abc import Sequence

from training.rows import Row

_PARTS = 16
"""One row in so many is kept apart."""


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Those to train on, and those kept apart, by the digest of the text."""
    apart = [_is_apart(row.text) for row in rows]
    training = [row for row, out in zip(rows, apart, strict=True) if not out]
    return training, [row for row, out in zip(rows, apart, strict=True) if out]


def without(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """Rows whose text stands in none of `others`, whatever its case and spacing."""
    known = {plain(row.text) for row in others}
    return [row for row in rows if plain(row.text) not in known]


def plain(text: str) -> str:
    return " ".join(text.lower().split())


def _is_apart(text: str) -> bool:
    digest = hashlib.sha256(plain(text).encode()).digest()
    return int.from_bytes(digest[:4], "big") % _PARTS == 0

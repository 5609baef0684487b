"""More rows out of those there are: texts in company, so that it counts what is said, not where.

An attack beside harmless text is an attack still; two harmless texts are harmless. As many of both
are made, so that neither length nor a seam tells anything.
"""

from collections.abc import Sequence
from random import Random

from models.labelled.rows import HARMLESS, Row

_SEAMS = (" ", "\n", "\n\n", ". ", " - ", "\n---\n")
_LONGEST = 400
"""Characters of a text that is joined with another: more would be cut off in training."""


def joined(rows: Sequence[Row], part: float, seed: int) -> list[Row]:
    """New rows, `part` of the attacks in number, and as many harmless ones."""
    random = Random(seed)  # noqa: S311  # the same every time
    short = [row for row in rows if len(row.text) <= _LONGEST]
    harmless = [row for row in short if row.label == HARMLESS]
    attacks = [row for row in short if row.label != HARMLESS]
    count = min(int(part * len(attacks)), len(attacks))
    if not harmless or not count:
        return []
    wrapped = [_pair(row, random.choice(harmless), random) for row in random.sample(attacks, count)]
    plain = [_pair(random.choice(harmless), random.choice(harmless), random) for _ in range(count)]
    return wrapped + plain


def _pair(row: Row, other: Row, random: Random) -> Row:
    """Both texts in either order, with the class of the first."""
    texts = [row.text, other.text]
    random.shuffle(texts)
    return Row(random.choice(_SEAMS).join(texts), row.label, f"{row.source}, joined")

"""Which texts teach most: those that a classifier gets wrong, or nearly so."""

from collections import defaultdict
from collections.abc import Sequence

from models.labelled.rows import HARMLESS, Row


def hardest(rows: Sequence[Row], attack: Sequence[float], below: float, each: int) -> list[Row]:
    """Rows whose own side has a probability of less than `below`, the least first.

    `attack` has that of being an attack, of each row. At most `each` rows of one source are taken,
    so that a theme which is hard as a whole does not drown the others.
    """
    sure = [
        odds if row.label != HARMLESS else 1.0 - odds
        for row, odds in zip(rows, attack, strict=True)
    ]
    taken: defaultdict[str, int] = defaultdict(int)
    found = []
    for index in sorted(range(len(rows)), key=sure.__getitem__):
        row = rows[index]
        if sure[index] >= below:
            break
        if taken[row.source] < each:
            taken[row.source] += 1
            found.append(Row(row.text, row.label, f"{row.source}, mined"))
    return found

"""Part of a file of labelled texts that stands for all of it: the same part every time. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from models.labelled.rows import LABELS, Row
from models.labelled.splitting import digest


def sample(rows: Sequence[Row], most: int) -> list[Row]:
    """`most` of them, or all, each label with its share; chosen by the digests of the texts.

    Within a label the i-th of n by digest has the rank (i + 1/2) / n, and the lowest ranks of all
    labels are taken. The least frequent label is never left out.
    """
    if len(rows) <= most:
        return list(rows)
    counts = Counter(row.label for row in rows)
    seen: Counter[str] = Counter()
    ranks: dict[int, float] = {}
    for place in sorted(range(len(rows)), key=lambda place: digest(rows[place].text)):
        label = rows[place].label
        ranks[place] = -1.0 if not seen[label] else (seen[label] + 0.5) / counts[label]
        seen[label] += 1
    chosen = sorted(sorted(ranks, key=lambda place: (ranks[place], place))[:most])
    return [rows[place] for place in chosen]


def apart(rows: Sequence[Row], parts: int) -> list[bool]:
    """For each row, is it set apart? One in so many `parts` of each label, and one at least."""
    seen: Counter[str] = Counter()
    found = [False] * len(rows)
    for place in sorted(range(len(rows)), key=lambda place: digest(rows[place].text)):
        label = rows[place].label
        found[place] = seen[label] % parts == 0
        seen[label] += 1
    return found


def in_order(found: Collection[str], renamed: Mapping[str, str]) -> tuple[str, ...]:
    """Labels as the head will have them: as the catalogue's `labels` names them, if those are they;
    in the order of the model that ships with the project, if it has them; else sorted.
    """
    for known in (tuple(renamed), LABELS):
        if known and set(found) <= set(known):
            return tuple(label for label in known if label in set(found))
    return tuple(sorted(found))

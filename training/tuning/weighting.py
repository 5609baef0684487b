"""How much each row counts: rare classes more, and no source more than it has to say."""

from collections import Counter
from collections.abc import Mapping, Sequence

from models.labelled.rows import Row

_POWER = 0.5
"""Between counting rows (0) and counting classes alike (1)."""

_MOST = 3.0


def class_weights(rows: Sequence[Row], labels: Sequence[str]) -> list[float]:
    """In the order of `labels`; their mean over all rows is 1. A class without rows has 0."""
    counts = Counter(row.label for row in rows)
    raw: Mapping[str, float] = {
        label: (len(rows) / counts[label]) ** _POWER if counts[label] else 0.0 for label in labels
    }
    lowest = min(weight for weight in raw.values() if weight)
    bounded = {label: min(weight / lowest, _MOST) for label, weight in raw.items()}
    mean = sum(bounded[row.label] for row in rows) / len(rows)
    return [bounded[label] / mean for label in labels]

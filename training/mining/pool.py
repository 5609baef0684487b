"""Texts of the training themes that the training has not: what a classifier is asked about."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from models.labelled.rows import Row, read_rows
from training.harmless.compose import compose, read_themes
from training.harmless.files import TEXTS, WRITTEN

FOLDERS = ("train", "attacks_train")
"""Those of tuning are never looked into."""


def pool(times: int, seed: int, texts: Path = TEXTS, written: Path = WRITTEN) -> list[Row]:
    """Up to `times` as many texts of each theme as it has in training, none that is written yet.

    Raises DataError.
    """
    taken = [row.text for path in sorted(written.glob("*.jsonl")) for row in read_rows(path)]
    rows: list[Row] = []
    for folder in FOLDERS:
        themes = [replace(it, rows=it.rows * times) for it in read_themes(texts / folder)]
        rows += compose(themes, seed, [*taken, *_texts(rows)])
    return rows


def _texts(rows: Sequence[Row]) -> Iterable[str]:
    return (row.text for row in rows)

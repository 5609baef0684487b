"""Makes the rows of a folder of theme files, the same rows for the same seed."""

import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from models.labelled.rows import DataError, Row
from training.harmless.casual import casually
from training.harmless.grammar import Template, Theme, read_theme

_TRIES = 30
"""Draws for one text before a template counts as used up."""
_TWICE = re.compile(r"\b(\w[\w .+#]{2,})\"?,? (?:and|or|to|from|between) \"?\1(?!\w)")
"""A slot that was filled twice with the same words."""
_BEGINNING = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")


def read_themes(folder: Path) -> list[Theme]:
    """In the order of the file names. Raises DataError."""
    themes = [read_theme(path) for path in sorted(folder.glob("*.txt"))]
    if not themes:
        raise DataError(f"{folder} has no theme files")
    return themes


def compose(themes: Iterable[Theme], seed: int, taken: Iterable[str] = ()) -> list[Row]:
    """Distinct rows of all themes, shuffled; no text that equals one of `taken` (normalised)."""
    seen = {normalised(text) for text in taken}
    rows = [
        Row(text, theme.label, theme.source)
        for theme in themes
        for text in _texts(theme, seed, seen)
    ]
    return shuffled(rows, random.Random(f"{seed} order"))  # noqa: S311 - no secret


def normalised(text: str) -> str:
    """Two texts that differ in case, spaces or punctuation count as one; signs alone stay."""
    words = re.sub(r"[\W_]+", " ", text.casefold()).strip()
    return words or text.strip()


def shuffled(rows: Iterable[Row], rng: random.Random) -> list[Row]:
    """By random(), whose values no release of Python may change."""
    return [row for _, row in sorted(((rng.random(), row) for row in rows), key=lambda it: it[0])]


def _texts(theme: Theme, seed: int, seen: set[str]) -> Iterator[str]:
    """Up to `rows` texts: one of each template in turn, as long as it has new ones."""
    rng = random.Random(f"{seed} {theme.source}")  # noqa: S311 - no secret
    open_ones = list(theme.templates)
    left = theme.rows
    while open_ones and left:
        used_up = set()
        for template in open_ones[:left]:
            text = _new(template, rng, seen)
            if text is None:
                used_up.add(template)
                continue
            left -= 1
            yield casually(_capitalised(text), rng) if theme.casual else text
        open_ones = [template for template in open_ones if template not in used_up]


def _new(template: Template, rng: random.Random, seen: set[str]) -> str | None:
    """A text that was not seen yet, or None where none was found."""
    for _ in range(min(_TRIES, 3 * template.ways)):
        text = template.text(int(rng.random() * template.ways)).strip()
        key = normalised(text)
        if key not in seen and not _TWICE.search(text):
            seen.add(key)
            return text
    return None


def _capitalised(text: str) -> str:
    """A slot may begin a sentence, and its words were written for the middle of one."""
    return _BEGINNING.sub(lambda found: found.group().upper(), text)

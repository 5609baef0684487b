"""Words that stand in attacks more often than in harmless texts: what one may go by alone."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from models.labelled.rows import HARMLESS, Row

_WORD = re.compile(r"[a-z][a-z'-]{2,}", re.ASCII)
_LEAST = 3
"""Attacks in which a word has to stand to be looked at."""


def suspects(rows: Sequence[Row], most: int) -> list[str]:
    """`most` words, those that tell most of an attack first.

    By the logarithm of the odds with one half added to each count (Haldane 1956, Anscombe 1956),
    in texts, not occurrences.
    """
    harmless = _texts_with(row.text for row in rows if row.label == HARMLESS)
    attacks = _texts_with(row.text for row in rows if row.label != HARMLESS)
    all_attacks = sum(row.label != HARMLESS for row in rows)
    all_harmless = len(rows) - all_attacks

    def telling(word: str) -> float:
        return _odds(attacks[word], all_attacks) - _odds(harmless[word], all_harmless)

    known = [word for word, count in attacks.items() if count >= _LEAST]
    return sorted(known, key=lambda word: (-telling(word), word))[:most]


def _texts_with(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in set(_WORD.findall(text.lower())))


def _odds(having: int, of: int) -> float:
    return math.log((having + 0.5) / (of - having + 0.5))

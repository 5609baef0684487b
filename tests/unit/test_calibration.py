"""The calibration set: enough texts, of many kinds, the same ones everywhere."""

import hashlib

from models.registration.calibration import TEXTS, calibration_texts

SCRIPTS = {"Latin": "e", "Cyrillic": "е", "Greek": "ε", "Han": "的", "Hangul": "를", "Arabic": "ا"}  # noqa: RUF001
DIGEST = "ff3ef824afa09997"


def test_there_are_512_and_no_two_are_alike() -> None:
    texts = calibration_texts()

    assert len(set(texts)) == len(texts) == TEXTS == 512


def test_they_are_short_and_long_code_and_prose_in_many_scripts() -> None:
    texts = calibration_texts()
    words = sorted(len(text.split()) for text in texts)

    assert (words[0], words[-1] > 300) == (1, True)
    assert sum(length > 25 for length in words) > 20
    assert all(sum(sign in text for text in texts) >= 4 for sign in SCRIPTS.values())
    for mark in ("SELECT", "<script>", "system prompt", "?", "👍"):
        assert sum(mark in text for text in texts) >= 3


def test_they_are_the_same_as_when_models_were_measured() -> None:
    """Who changes them on purpose sets the digest anew and raises RECIPE: figures change.

    Planted fault: a word more.
    """
    told = "\n".join(calibration_texts()).encode()

    assert hashlib.sha256(told).hexdigest()[:16] == DIGEST

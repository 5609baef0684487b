"""The texts in training/written/: made by the generator, distinct, and of every kind wanted."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from models.labelled.rows import HARMLESS, LABELS, Row, read_rows
from training.harmless.cli import main
from training.harmless.compose import compose, normalised, read_themes
from training.harmless.files import FOLDERS, TEXTS, WRITTEN
from training.harmless.grammar import Theme

_TRIGGERS = (
    "ignor",
    "forg[eo]t",
    "instruction",
    "system prompt",
    "bypass",
    "overrid",
    "reveal",
    "acts? as",
    "pretend",
    "jailbreak",
    "previous",
    "rules",
    "developer mode",
    "admin",
    "password",
    "execut",
    "script",
    "inject",
    "role-?play",
    "unrestricted",
    "secret",
    "confidential",
    "disregard",
    "above",
    "guideline",
)
_SHARES = {  # of all harmless training rows, in percent: least and most
    "code": (6, 10),
    "short": (2, 5),
    "instruction": (12, 24),
    "long": (5, 10),
    "language": (4, 8),
    "quoted": (2, 6),
    "security": (4, 10),
    "trigger": (35, 55),
    "single": (3, 10),
    "documents": (1, 4),
    "role": (1, 4),
}


@cache
def _rows(name: str) -> list[Row]:
    return read_rows(WRITTEN / name)


@cache
def _themes(folder: str) -> list[Theme]:
    return read_themes(TEXTS / folder)


def test_the_generator_writes_the_committed_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seen failing with a set in place of the list of rows."""
    assert main(["--out", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(FOLDERS)
    for name in FOLDERS:
        assert (tmp_path / name).read_bytes() == (WRITTEN / name).read_bytes(), name


def test_another_seed_makes_other_rows() -> None:
    assert compose(_themes("tuning"), 1) != compose(_themes("tuning"), 2)


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--out", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_no_text_stands_in_the_files_twice() -> None:
    """Normalised, and over all four files: so training holds nothing of tuning."""
    counts = Counter(normalised(row.text) for name in FOLDERS for row in _rows(name))
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("kind", ["", "attacks_"])
def test_training_and_tuning_share_no_template(kind: str) -> None:
    train, tuning = (
        {normalised(it.source_text) for theme in _themes(folder) for it in theme.templates}
        for folder in (f"{kind}train", f"{kind}tuning")
    )
    assert train & tuning == set()


@pytest.mark.parametrize("kind", ["", "attacks_"])
def test_training_and_tuning_share_no_filler_of_a_slot(kind: str) -> None:
    train, tuning = (
        {
            normalised(it)
            for theme in _themes(folder)
            for fillers in theme.fillers.values()
            for it in fillers
        }
        for folder in (f"{kind}train", f"{kind}tuning")
    )
    assert train & tuning == set()


@pytest.mark.parametrize("name", FOLDERS)
def test_harmless_files_are_harmless_and_the_others_are_not(name: str) -> None:
    labels = {row.label for row in _rows(name)}
    wanted = {HARMLESS} if name.startswith("harmless") else set(LABELS) - {HARMLESS}
    assert labels == wanted


@pytest.mark.parametrize("trigger", _TRIGGERS)
def test_a_trigger_word_stands_in_sixty_harmless_sentences(trigger: str) -> None:
    """Counted in short texts outside of quoted attacks."""
    pattern = re.compile(rf"\b{trigger}", re.IGNORECASE)
    found = [
        row
        for row in _rows("harmless_train.jsonl")
        if pattern.search(row.text) and len(row.text) < 300 and _kind(row) != "quoted"
    ]
    assert len(found) >= 60


@pytest.mark.parametrize("kind", _SHARES)
def test_each_kind_has_its_share(kind: str) -> None:
    counts = Counter(_kind(row) for row in _rows("harmless_train.jsonl"))
    least, most = _SHARES[kind]
    assert least <= 100 * counts[kind] / counts.total() <= most


def test_there_are_many_templates_and_many_single_sentences() -> None:
    """250 templates with slots over 25 themes, and 500 sentences without, are the least."""
    templates = [it for theme in _themes("train") for it in theme.templates]
    assert sum(it.ways > 1 for it in templates) >= 250
    assert sum(it.ways == 1 for it in templates) >= 500
    assert len(_themes("train")) >= 25


@pytest.mark.parametrize("name", FOLDERS)
def test_no_slot_is_left_open(name: str) -> None:
    texts = [row.text for row in _rows(name)]
    assert [text for text in texts if "[[" in text or "]]" in text or not text.strip()] == []


def _kind(row: Row) -> str:
    """The first word of the theme's name, after the round in which it was written."""
    words = row.source.split("-")
    return words[2] if words[1] in {"r2", "r3"} else words[1]

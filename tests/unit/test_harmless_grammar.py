"""What a theme file means."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.labelled.rows import DataError
from training.harmless.compose import compose, normalised, read_themes
from training.harmless.grammar import Theme, read_theme

_HEAD = "% source harmless-x\n% rows 50\n% form lines\n"


def _theme(folder: Path, text: str) -> Theme:
    path = folder / "theme.txt"
    path.write_text(text, encoding="utf-8")
    return read_theme(path)


def _all_texts(theme: Theme) -> set[str]:
    return {it.text(index) for it in theme.templates for index in range(it.ways)}


def test_slots_and_bars_make_every_text(tmp_path: Path) -> None:
    """Seen failing with the index not divided between two choices."""
    theme = _theme(tmp_path, _HEAD + "@ who = Ann | Bo\n[[who]] [[sits|runs]].\n")
    assert _all_texts(theme) == {"Ann sits.", "Ann runs.", "Bo sits.", "Bo runs."}


def test_a_slot_may_stand_inside_a_choice(tmp_path: Path) -> None:
    theme = _theme(tmp_path, _HEAD + "@ who = Ann | Bo\nAsk [[me|the friend of [[who]]]].\n")
    assert _all_texts(theme) == {"Ask me.", "Ask the friend of Ann.", "Ask the friend of Bo."}


def test_a_held_slot_has_one_value_in_a_text(tmp_path: Path) -> None:
    theme = _theme(tmp_path, _HEAD + "@= who = Ann | Bo\n[[who]] is [[who]].\n")
    assert _all_texts(theme) == {"Ann is Ann.", "Bo is Bo."}


def test_a_paragraph_with_a_question_mark_may_be_left_out(tmp_path: Path) -> None:
    head = _HEAD.replace("lines", "blocks")
    theme = _theme(tmp_path, head + "One.\n\n? Two.\n=====\nThree.\n")
    assert _all_texts(theme) == {"One.\n\nTwo.", "One.", "Three."}


def test_brackets_of_code_are_left_alone(tmp_path: Path) -> None:
    theme = _theme(tmp_path, _HEAD + "a[0] | b{1} || c\n")
    assert _all_texts(theme) == {"a[0] | b{1} || c"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_HEAD + "Ask [[whom]].\n", "no slot 'whom'"),
        (_HEAD + "Ask [[a|b.\n", "not closed"),
        (_HEAD + "Ask a|b]].\n", "too many"),
        (_HEAD + "% label spam\nAsk.\n", "spam is no label"),
        ("% rows 5\n% form lines\nAsk.\n", "source"),
        ("% source x\n% rows many\n% form lines\nAsk.\n", "many"),
    ],
)
def test_a_mistake_names_the_file_and_itself(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        _theme(tmp_path, text)
    assert "theme.txt" in str(raised.value)


def test_a_folder_without_themes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no theme files"):
        read_themes(tmp_path)


def test_no_text_is_made_that_is_taken(tmp_path: Path) -> None:
    """Seen failing with `taken` not normalised."""
    theme = _theme(tmp_path, _HEAD + "Good [[day|night]]!\n")
    assert [row.text for row in compose([theme], 1, ["good NIGHT"])] == ["Good day!"]


def test_a_slot_is_not_filled_twice_with_the_same(tmp_path: Path) -> None:
    theme = _theme(tmp_path, _HEAD + "@ it = tea | milk\nCompare [[it]] and [[it]].\n")
    texts = {row.text for row in compose([theme], 1)}
    assert texts == {"Compare tea and milk.", "Compare milk and tea."}


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


def test_a_slot_that_begins_a_sentence_gets_a_capital(tmp_path: Path) -> None:
    theme = _theme(tmp_path, _HEAD + "% casual\n@ who = the cat\n[[who]] naps. [[who]] dreams.\n")
    rows = [row.text for seed in range(20) for row in compose([theme], seed)]
    assert "The cat naps. The cat dreams." in rows

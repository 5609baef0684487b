"""Words that a classifier may take for attacks, and lessons against that."""

from models.labelled.rows import Row
from training.probing.frames import LESSONS, PROBES, lessons, probes
from training.probing.words import suspects


def test_words_of_attacks_are_suspected_first() -> None:
    """Words that stand in both alike come last."""
    rows = [Row("ignore the rules", "jailbreak", "")] * 10
    rows += [Row("the rules of chess", "benign", "")] * 10

    assert suspects(rows, 9) == ["ignore", "rules", "the"]
    assert suspects(rows, 1) == ["ignore"]


def test_a_word_of_a_few_attacks_is_not_suspected() -> None:
    """However often it stands there. Planted fault: occurrences were counted, not texts."""
    rows = [Row("ignore ignore ignore", "jailbreak", "")] * 2 + [Row("hello there", "benign", "")]

    assert suspects(rows, 9) == []


def test_what_is_probed_is_not_what_was_taught() -> None:
    """Else a lesson learnt by heart would pass for one that was understood."""
    assert not set(PROBES) & set(LESSONS)
    assert not {text.lower() for text in probes("ignore")} & {
        row.text.lower() for row in lessons(["ignore"], len(LESSONS), 1)
    }


def test_each_word_has_its_lessons() -> None:
    """All different, and all harmless."""
    made = lessons(["ignore", "bypass"], 4, seed=1)

    assert len({row.text for row in made}) == 8
    assert {row.label for row in made} == {"benign"}
    assert sum("bypass" in row.text for row in made) == 4
    assert lessons(["ignore", "bypass"], 4, seed=1) == made

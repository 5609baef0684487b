"""Batches, weights, splits and temperature: what a training is made of, without torch."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.labelled.rows import LABELS, Row
from models.labelled.splitting import split, without
from models.labelled.temperature import best_temperature
from training.tuning.batching import batches
from training.tuning.joining import joined
from training.tuning.weighting import class_weights

LENGTHS = st.lists(st.integers(1, 200), max_size=300)


@given(lengths=LENGTHS, tokens=st.integers(1, 1000), seed=st.integers(0, 9))
def test_each_text_is_in_one_batch(lengths: list[int], tokens: int, seed: int) -> None:
    """Planted fault: the last batch of a pool was dropped."""
    made = batches(lengths, tokens, Random(seed))  # noqa: S311

    assert sorted(index for batch in made for index in batch) == list(range(len(lengths)))


@given(lengths=LENGTHS, tokens=st.integers(1, 1000))
def test_a_batch_with_its_padding_is_within_its_tokens(lengths: list[int], tokens: int) -> None:
    """But for one text that is longer by itself."""
    for batch in batches(lengths, tokens, Random(1)):  # noqa: S311
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= tokens


def test_little_of_a_batch_is_padding() -> None:
    """Planted fault: batches were cut from the texts as they come."""
    random = Random(3)  # noqa: S311
    lengths = [random.randint(5, 128) for _ in range(4000)]

    made = batches(lengths, 2048, random)

    room = sum(len(batch) * max(lengths[i] for i in batch) for batch in made)
    assert sum(lengths) > 0.95 * room


def test_rare_classes_count_more_and_all_together_as_before() -> None:
    """Planted fault: their mean over the rows was not 1."""
    rows = [Row("t", label, "") for label in ["benign"] * 80 + ["jailbreak"] * 20]

    weights = class_weights(rows, LABELS)

    assert weights[2] > weights[0]
    assert np.isclose((80 * weights[0] + 20 * weights[2]) / 100, 1.0)
    assert weights[1] == 0.0


def test_no_class_counts_without_bound() -> None:
    """A class of one row would else be all that counts."""
    rows = [Row("t", "benign", "")] * 9999 + [Row("t", "jailbreak", "")]

    weights = class_weights(rows, LABELS)

    assert np.isclose(weights[2] / weights[0], 3.0)


@settings(max_examples=30)
@given(true=st.floats(0.3, 4.0), seed=st.integers(0, 99))
def test_the_temperature_of_confidences_is_found(true: float, seed: int) -> None:
    """Labels are drawn from the softmax of logits that then are made too large or too small."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(0, 2, (4000, 5))
    powers = np.exp(logits - logits.max(1, keepdims=True))
    parts = (powers / powers.sum(1, keepdims=True)).cumsum(1)
    wanted = (parts < chance.random((4000, 1))).sum(1).clip(0, 4)

    found = best_temperature(logits * true, wanted)

    assert np.isclose(found, true, rtol=0.15)


def test_the_same_rows_are_kept_apart_every_time() -> None:
    """By their text alone, so that a row more or less moves no other."""
    rows = [Row(f"text {number}", "benign", "") for number in range(2000)]

    training, apart = split(rows)

    assert split(rows[::-1])[1] == apart[::-1]
    assert 90 <= len(apart) <= 160
    assert len(training) + len(apart) == len(rows)


def test_what_stands_in_the_test_is_not_trained_on() -> None:
    """However it is written there. Planted fault: the texts were compared as they are."""
    rows = [Row("hello there", "benign", ""), Row("other", "benign", "")]

    assert without(rows, [Row("Hello  There", "benign", "")]) == [rows[1]]


def test_what_is_joined_keeps_the_class_of_the_attack() -> None:
    """Planted fault: it had that of whichever text came first."""
    rows = [Row(f"harmless {n}", "benign", "a") for n in range(50)]
    rows += [Row(f"attack {n}", "jailbreak", "b") for n in range(40)]

    made = joined(rows, 0.5, seed=1)

    assert len(made) == 40
    for row in made:
        assert ("attack" in row.text) == (row.label == "jailbreak")
    assert sum(row.text.startswith("attack") for row in made) in range(4, 17)
    assert joined(rows, 0.5, seed=1) == made


def test_nothing_is_joined_where_one_kind_is_missing() -> None:
    assert joined([Row("a", "benign", "")], 1.0, seed=1) == []
    assert joined([Row("a", "jailbreak", "")], 1.0, seed=1) == []

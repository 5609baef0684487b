"""What answers are worth: against figures worked out by hand, and against what always holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.labelled.calibration import calibration
from models.labelled.rows import Row
from training.evaluating.answers import Matrix, Model, check_labels, latency, sample
from training.evaluating.errors import EvaluationError
from training.evaluating.figures import OfSource, judge

MODEL = Model("colours:v1", ("good", "bad", "ugly"), "good")

# Each text: what it is, where from, and the probabilities of good, bad and ugly.
TEXTS = (
    ("good", "a", (0.90, 0.05, 0.05)),
    ("good", "a", (0.80, 0.10, 0.10)),
    ("good", "b", (0.30, 0.60, 0.10)),
    ("bad", "a", (0.10, 0.80, 0.10)),
    ("bad", "b", (0.95, 0.05, 0.00)),
    ("ugly", "b", (0.00, 0.00, 1.00)),
)
ROWS = [Row(f"text {number}", label, source) for number, (label, source, _) in enumerate(TEXTS)]
SAID: Matrix = np.array([row for *_, row in TEXTS])


def certain(labels: list[int], confidence: float, of: int = 3) -> Matrix:
    """All texts with that probability for a label, the rest shared by the others."""
    rest = (1 - confidence) / (of - 1)
    return np.where(np.eye(of, dtype=bool)[labels], confidence, rest)


def rows_of(labels: list[int]) -> list[Row]:
    return [Row("x", MODEL.labels[label], "s") for label in labels]


def test_scores_of_classes_are_those_worked_out_by_hand() -> None:
    """Planted fault: rows and columns exchanged, which exchanges precision and recall."""
    rows, said = [*ROWS, Row("x", "good", "b")], np.concatenate([SAID, certain([1], 0.7)])
    figures = judge(MODEL, rows, said)

    scores = [[one.texts, one.precision, one.recall, one.f1] for one in figures.classes]
    assert scores == [
        pytest.approx([4, 2 / 3, 1 / 2, 4 / 7]),
        pytest.approx([2, 1 / 3, 1 / 2, 2 / 5]),
        [1, 1, 1, 1],
    ]
    assert figures.macro_f1 == pytest.approx((4 / 7 + 2 / 5 + 1) / 3)
    assert figures.accuracy == pytest.approx(4 / 7)


def test_the_confusion_has_a_row_for_what_it_is() -> None:
    assert judge(MODEL, ROWS[:4], SAID[:4]).confusion == ((2, 1, 0), (0, 1, 0), (0, 0, 0))


def test_what_is_taken_for_harmless_is_told_by_source() -> None:
    """Planted fault: an attack that is called another attack counted as missed."""
    named = certain([2], 0.9)
    figures = judge(MODEL, [*ROWS, Row("x", "bad", "c")], np.concatenate([SAID, named]))

    assert figures.sources == (
        OfSource("a", harmless=2, flagged=0, attacks=1, missed=0),
        OfSource("b", harmless=1, flagged=1, attacks=2, missed=1),
        OfSource("c", harmless=0, flagged=0, attacks=1, missed=0),
    )
    assert figures.together == OfSource("all", harmless=3, flagged=1, attacks=4, missed=1)


def test_without_a_harmless_label_nothing_is_said_of_false_positives() -> None:
    figures = judge(Model("colours:v1", MODEL.labels, None), ROWS, SAID)

    assert (figures.sources, figures.together) == ((), None)


def test_calibration_errors_are_those_worked_out_by_hand() -> None:
    """Confidences in fifteenths: 9 is bin 9; 12 and 12.5 bins 12 and 13; 14, 14.25 and 15."""
    figures = judge(MODEL, ROWS, SAID).calibration

    # (0.5333, 0.6]: 0.6, wrong. (0.7333, 0.8]: 0.8 twice, right. (0.8667, 0.9333]: 0.9, right.
    # (0.9333, 1]: 0.95 wrong, 1.0 right.
    gaps = {0.6: 0.6, 0.8: 0.2, 0.9: 0.1, 0.975: 0.475}
    filled = [one for one in figures.bins if one.texts]
    assert [one.texts for one in filled] == [1, 2, 1, 2]
    assert [one.confidence for one in filled] == pytest.approx(list(gaps))
    assert [one.gap for one in filled] == pytest.approx(list(gaps.values()))
    assert figures.mce == pytest.approx(0.6)
    assert figures.ece == pytest.approx((0.6 + 2 * 0.2 + 0.1 + 2 * 0.475) / 6)


def test_a_bin_has_its_upper_edge_and_not_its_lower() -> None:
    """As in the paper. Planted fault: `side="right"`."""
    found = calibration(np.array([0.5, 1.0, 0.0]), np.array([True, True, False]), bins=2)

    assert [one.texts for one in found.bins] == [2, 1]


def test_a_class_without_texts_counts_in_no_mean_and_has_no_recall() -> None:
    figures = judge(MODEL, ROWS[:2], SAID[:2])

    assert figures.macro_f1 == 1
    assert [(one.precision, one.recall, one.f1) for one in figures.classes[1:]] == [(None,) * 3] * 2


def test_of_equal_probabilities_the_first_label_is_said_as_the_service_does() -> None:
    assert judge(MODEL, ROWS[:1], np.full((1, 3), 1 / 3)).accuracy == 1


labels_and_confidence = (
    st.lists(st.integers(0, 2), min_size=1, max_size=50),
    st.floats(0.4, 1.0),
)


@given(*labels_and_confidence)
def test_who_is_always_right_has_all_scores_and_errs_by_what_confidence_lacks(
    labels: list[int], confidence: float
) -> None:
    figures = judge(MODEL, rows_of(labels), certain(labels, confidence))

    assert (figures.macro_f1, figures.accuracy) == (1, 1)
    assert figures.calibration.ece == pytest.approx(1 - confidence)
    assert figures.calibration.mce == pytest.approx(1 - confidence)
    assert figures.together is not None
    assert (figures.together.flagged, figures.together.missed) == (0, 0)


@given(*labels_and_confidence)
def test_who_is_never_right_errs_by_the_confidence(labels: list[int], confidence: float) -> None:
    wrong = [(label + 1) % 3 for label in labels]

    figures = judge(MODEL, rows_of(labels), certain(wrong, confidence))

    assert (figures.macro_f1, figures.accuracy) == (0, 0)
    assert figures.calibration.ece == pytest.approx(confidence)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0.4, 1)), min_size=1))
def test_figures_stay_in_their_bounds_and_count_each_text_once(
    texts: list[tuple[int, int, float]],
) -> None:
    said = np.concatenate([certain([label], confidence) for _, label, confidence in texts])

    figures = judge(MODEL, rows_of([true for true, *_ in texts]), said)

    assert sum(map(sum, figures.confusion)) == len(texts)
    assert sum(one.texts for one in figures.calibration.bins) == len(texts)
    assert [sum(line) for line in figures.confusion] == [one.texts for one in figures.classes]
    assert 0 <= figures.calibration.ece <= figures.calibration.mce + 1e-12 <= 1 + 1e-12
    assert 0 <= figures.macro_f1 <= 1


@given(st.permutations(range(len(TEXTS))))
def test_the_order_of_the_texts_does_not_matter(order: list[int]) -> None:
    turned = judge(MODEL, [ROWS[place] for place in order], SAID[order])

    plain = judge(MODEL, ROWS, SAID)
    assert (turned.classes, turned.confusion, turned.sources) == (
        plain.classes,
        plain.confusion,
        plain.sources,
    )
    assert turned.calibration.ece == pytest.approx(plain.calibration.ece)


def test_labels_that_the_model_does_not_have_are_named() -> None:
    rows = [*ROWS, Row("x", "evil", "s"), Row("y", "Good", "s")]

    with pytest.raises(EvaluationError, match=r"colours:v1 has no label 'Good', 'evil'.*good, bad"):
        check_labels(rows, MODEL)


def test_labels_of_the_model_that_the_data_lacks_are_no_error() -> None:
    check_labels(ROWS[:1], MODEL)


def test_latency_is_in_milliseconds() -> None:
    found = latency([number / 1e3 for number in range(1, 102)])

    assert found.texts == 101
    assert [found.mean_ms, found.p50_ms, found.p99_ms] == pytest.approx([51, 51, 100])


@given(st.integers(1, 1000), st.integers(1, 300))
def test_a_sample_has_different_texts_in_their_order_from_beginning_to_end(
    count: int, most: int
) -> None:
    texts = [f"{number:04}" for number in range(count)]

    taken = sample(texts, most)

    assert len(taken) == min(count, most)
    assert taken == sorted(set(taken))
    assert int(taken[-1]) >= count - 1 - count / len(taken)

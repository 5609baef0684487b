"""From logits to answers."""

import numpy as np
import pytest

from models.engines.answers import check, index_of, softmax, worst
from models.errors import InferenceFailed, ModelLoadFailed

THREE = np.array([[0.7, 0.2, 0.1], [0.5, 0.1, 0.4], [0.2, 0.3, 0.5]])


def test_great_logits_do_not_overflow() -> None:
    assert softmax(np.array([[1000.0, 1000.0]])).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("logit", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_answer(logit: float) -> None:
    with pytest.raises(InferenceFailed, match="not a number"):
        softmax(np.array([[0.0, logit]]))


@pytest.mark.parametrize(("harmless", "window"), [(0, 2), (1, 1), (2, 0)])
def test_the_window_least_likely_to_be_harmless_is_the_worst(harmless: int, window: int) -> None:
    assert worst(THREE, harmless) == window


def test_without_a_harmless_label_it_is_the_surest() -> None:
    assert worst(THREE, None) == 0


def test_of_windows_alike_the_first_speaks() -> None:
    assert worst(np.array([[0.5, 0.5], [0.5, 0.5]]), 1) == 0


def test_a_harmless_label_has_its_place() -> None:
    assert index_of("b", ("a", "b")) == 1
    assert index_of(None, ("a", "b")) is None
    with pytest.raises(ModelLoadFailed, match="'c' is none of a, b"):
        index_of("c", ("a", "b"))


def test_a_first_answer_must_fit_the_labels() -> None:
    check(np.zeros((1, 2)), ("a", "b"))
    with pytest.raises(ModelLoadFailed, match="without a classification head"):
        check(np.zeros((1, 4, 2)), ("a", "b"))
    with pytest.raises(ModelLoadFailed, match="a single logit"):
        check(np.zeros((1, 1)), ("a",))
    with pytest.raises(ModelLoadFailed, match="3 logits, but has 2 labels"):
        check(np.zeros((1, 3)), ("a", "b"))

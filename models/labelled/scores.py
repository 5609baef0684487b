"""How often a classifier is right about labelled texts, by class, and how far to believe it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.labelled.calibration import Calibration, calibration

Numbers = NDArray[np.int_]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OfClass:
    """`texts` have this label. A score that would divide by nothing is None."""

    label: str
    texts: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """`macro_f1` is the mean over the classes that the data has texts of.

    `confusion[true][said]` counts texts, in the order of `classes`.
    """

    texts: int
    macro_f1: float
    accuracy: float
    classes: tuple[OfClass, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration: Calibration


def score(labels: Sequence[str], true: Numbers, probabilities: Matrix) -> Scores:
    """Of at least one text. `true` are indices of `labels`, `probabilities` texts x labels.

    What is said of a text is its most probable label, the first of equals.
    """
    said: Numbers = probabilities.argmax(axis=1)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (true, said), 1)
    classes = tuple(_class(label, place, confusion) for place, label in enumerate(labels))
    return Scores(
        texts=len(true),
        macro_f1=float(np.mean([each.f1 or 0.0 for each in classes if each.texts])),
        accuracy=float((true == said).mean()),
        classes=classes,
        confusion=tuple(tuple(map(int, line)) for line in confusion),
        calibration=calibration(probabilities.max(axis=1), true == said),
    )


def softmax(logits: Matrix) -> Matrix:
    """Texts x classes, each row summing to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    parts: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return parts


def _class(label: str, place: int, confusion: NDArray[np.int64]) -> OfClass:
    """F1 = 2 TP / (2 TP + FP + FN), which is the harmonic mean of precision and recall."""
    right = int(confusion[place, place])
    texts, said = int(confusion[place].sum()), int(confusion[:, place].sum())
    return OfClass(
        label, texts, _part(right, said), _part(right, texts), _part(2 * right, texts + said)
    )


def _part(some: int, of: int) -> float | None:
    return some / of if of else None

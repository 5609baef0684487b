"""From logits to an answer: probabilities, and which window of a long text speaks for it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import InferenceFailed, ModelLoadFailed

Matrix = NDArray[np.float64]

_LEAST_LABELS = 2


def softmax(logits: Matrix) -> Matrix:
    """A row's probabilities. Raises InferenceFailed where a logit is no number."""
    if not np.isfinite(logits).all():
        raise InferenceFailed("the model's answer is not a number")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Matrix = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def worst(probabilities: Matrix, harmless: int | None) -> int:
    """The window least likely to be `harmless`; without such a label the one that is surest."""
    if len(probabilities) == 1:
        return 0
    if harmless is None:
        return int(probabilities.max(axis=1).argmax())
    return int(probabilities[:, harmless].argmin())


def index_of(harmless: str | None, labels: Sequence[str]) -> int | None:
    """Raises ModelLoadFailed where the model has no such label."""
    if harmless is None:
        return None
    if harmless not in labels:
        raise ModelLoadFailed(f"the harmless label {harmless!r} is none of {', '.join(labels)}")
    return labels.index(harmless)


def check(logits: Matrix, labels: Sequence[str]) -> None:
    """Raises ModelLoadFailed where a first answer does not fit the labels."""
    if logits.ndim != 2:  # noqa: PLR2004  # a matrix
        raise ModelLoadFailed(
            f"the model's output has {logits.ndim} dimensions, not texts by labels:"
            " it ends without a classification head"
        )
    if logits.shape[1] < _LEAST_LABELS:
        raise ModelLoadFailed(
            "the model has a single logit; only heads with a logit for each label are served"
        )
    if logits.shape[1] != len(labels):
        raise ModelLoadFailed(
            f"the model answers with {logits.shape[1]} logits, but has {len(labels)} labels"
        )
    softmax(logits)

"""What a model answered to labelled texts, and how long it took."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.labelled.rows import Row
from training.evaluating.errors import EvaluationError

Matrix = NDArray[np.float64]
Progress = Callable[[str, int, int], None]
"""Told what is done, how many of it are, and of how many."""

SAMPLE = 200
"""Texts at most that are asked one at a time, for the latency."""


@dataclass(frozen=True, slots=True)
class Model:
    """Which version answers (`name` is "name:version"), and what it can say.

    `harmless` is the label that means no harm, None where it has none.
    """

    name: str
    labels: tuple[str, ...]
    harmless: str | None


@dataclass(frozen=True, slots=True)
class Answers:
    """`probabilities` has a row for each text and a column for each label of the model.

    `seconds` is how long all texts took, `at_once` so many of them at a time; `latencies` are
    those of a sample that was asked one at a time, in seconds. `truncated` counts the texts of
    which the model did not read all.
    """

    model: Model
    probabilities: Matrix
    truncated: int
    seconds: float
    at_once: int
    latencies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds a text, asked one at a time; percentiles are interpolated linearly."""

    texts: int
    mean_ms: float
    p50_ms: float
    p99_ms: float


def latency(seconds: Sequence[float]) -> Latency:
    """Of at least one text."""
    ms = np.asarray(seconds) * 1e3
    p50, p99 = np.percentile(ms, (50, 99))
    return Latency(len(ms), float(ms.mean()), float(p50), float(p99))


def sample(texts: Sequence[str], most: int = SAMPLE) -> list[str]:
    """`most` of them at even distances, or all: the same ones every time."""
    count = min(most, len(texts))
    return [texts[number * len(texts) // count] for number in range(count)]


def check_labels(rows: Sequence[Row], model: Model) -> None:
    """Raises EvaluationError that names the labels of `rows` which the model does not have."""
    unknown = sorted({row.label for row in rows} - set(model.labels))
    if unknown:
        raise EvaluationError(
            f"{model.name} has no label {', '.join(map(repr, unknown))}: the data must have the"
            f" labels of the model, which are {', '.join(model.labels)}"
        )

"""One evaluation, whole: what was asked, what was answered, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.labelled.rows import Row
from training.evaluating.answers import Answers, Latency, latency
from training.evaluating.bars import Bar, Metrics, metrics_of
from training.evaluating.figures import Figures, judge


@dataclass(frozen=True, slots=True)
class Findings:
    """`data` is the name of the file, `digest` its SHA-256 in hex, `how` who was asked."""

    data: str
    digest: str
    how: str
    answers: Answers
    figures: Figures
    latency: Latency
    bars: tuple[Bar, ...]

    @property
    def metrics(self) -> Metrics:
        return metrics_of(self.figures, self.latency)

    @property
    def texts_per_second(self) -> float:
        return self.figures.texts / max(self.answers.seconds, 1e-9)


def find(
    rows: Sequence[Row],
    answers: Answers,
    bars: Sequence[Bar],
    *,
    data: str,
    digest: str,
    how: str,
) -> Findings:
    """Of at least one row, the labels of all of them the model's."""
    figures = judge(answers.model, rows, answers.probabilities)
    return Findings(data, digest, how, answers, figures, latency(answers.latencies), tuple(bars))

"""Bars that a model has to hold: METRIC=VALUE, with a least or a largest value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.labelled.rows import Row
from training.evaluating.answers import Latency, Model
from training.evaluating.errors import EvaluationError
from training.evaluating.figures import Figures

Metrics = Mapping[str, float | None]
"""By name; None is not defined for this data."""

_PLAIN = (
    "macro_f1",
    "accuracy",
    "ece",
    "mce",
    "flagged_rate",
    "missed_rate",
    "latency_mean_ms",
    "latency_p50_ms",
    "latency_p99_ms",
)
OF_CLASS, OF_SOURCE = ("precision", "recall", "f1"), ("flagged_rate", "missed_rate")


@dataclass(frozen=True, slots=True)
class Bar:
    """`least` says that the metric must not be below `value`; else that it must not be above."""

    metric: str
    value: float
    least: bool

    def __str__(self) -> str:
        return f"{self.metric} must not be {'below' if self.least else 'above'} {self.value:g}"

    def holds(self, metrics: Metrics) -> bool:
        """A metric that is not defined holds no bar."""
        found = metrics.get(self.metric)
        if found is None:
            return False
        return found >= self.value if self.least else found <= self.value


def read_bar(text: str, *, least: bool) -> Bar:
    """From METRIC=VALUE. Raises ValueError."""
    metric, equals, number = text.rpartition("=")
    if not equals or not metric:
        raise ValueError(f"{text!r} is not METRIC=VALUE")
    value = float(number)
    if not -float("inf") < value < float("inf"):
        raise ValueError(f"{number!r} is no number to compare with")
    return Bar(metric.strip(), value, least)


def check_bars(bars: Iterable[Bar], rows: Iterable[Row], model: Model) -> None:
    """Raises EvaluationError for a metric that there will not be, so that nobody waits for it."""
    known = {
        *_PLAIN,
        *(f"{kind}.{label}" for kind in OF_CLASS for label in model.labels),
        *(f"{kind}.{row.source}" for kind in OF_SOURCE for row in rows),
    }
    for bar in bars:
        if bar.metric not in known:
            raise EvaluationError(
                f"there is no metric {bar.metric!r}: there are {', '.join(_PLAIN)};"
                f" {', '.join(f'{kind}.LABEL' for kind in OF_CLASS)};"
                f" {', '.join(f'{kind}.SOURCE' for kind in OF_SOURCE)}"
            )


def metrics_of(figures: Figures, latency: Latency) -> Metrics:
    """All that a bar may name."""
    everywhere = figures.together
    return {
        "macro_f1": figures.macro_f1,
        "accuracy": figures.accuracy,
        "ece": figures.calibration.ece,
        "mce": figures.calibration.mce,
        "flagged_rate": everywhere.flagged_rate if everywhere else None,
        "missed_rate": everywhere.missed_rate if everywhere else None,
        "latency_mean_ms": latency.mean_ms,
        "latency_p50_ms": latency.p50_ms,
        "latency_p99_ms": latency.p99_ms,
        **{f"precision.{each.label}": each.precision for each in figures.classes},
        **{f"recall.{each.label}": each.recall for each in figures.classes},
        **{f"f1.{each.label}": each.f1 for each in figures.classes},
        **{f"flagged_rate.{each.source}": each.flagged_rate for each in figures.sources},
        **{f"missed_rate.{each.source}": each.missed_rate for each in figures.sources},
    }


def missed(bars: Sequence[Bar], metrics: Metrics) -> list[str]:
    """A line for each bar that is not held, with what there is instead."""
    return [
        f"{bar}: it is {_shown(metrics.get(bar.metric))}" for bar in bars if not bar.holds(metrics)
    ]


def _shown(value: float | None) -> str:
    return "not defined for this data" if value is None else f"{value:.6g}"

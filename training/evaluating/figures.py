"""What a model's answers are worth: scores by class, by source, and of its confidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluating.answers import Matrix, Model
from training.evaluating.calibration import Calibration, calibration
from training.rows import Row

Numbers = NDArray[np.int_]


@dataclass(frozen=True, slots=True)
class OfClass:
    """`texts` have this label. A score that would divide by nothing is None."""

    label: str
    texts: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class OfSource:
    """Of `harmless` texts so many were `flagged` as an attack; of `attacks` so many `missed`."""

    source: str
    harmless: int
    flagged: int
    attacks: int
    missed: int

    @property
    def flagged_rate(self) -> float | None:
        return self.flagged / self.harmless if self.harmless else None

    @property
    def missed_rate(self) -> float | None:
        return self.missed / self.attacks if self.attacks else None


@dataclass(frozen=True, slots=True)
class Figures:
    """`macro_f1` is the mean over the classes that the data has texts of.

    `confusion[true][said]` counts texts, in the order of `classes`. `sources` and `together` say
    who is taken for harmless; none and None where the model has no label for that.
    """

    texts: int
    macro_f1: float
    accuracy: float
    classes: tuple[OfClass, ...]
    confusion: tuple[tuple[int, ...], ...]
    sources: tuple[OfSource, ...]
    together: OfSource | None
    calibration: Calibration


def judge(model: Model, rows: Sequence[Row], probabilities: Matrix) -> Figures:
    """Of at least one row; `probabilities` as in Answers, the labels of `rows` the model's.

    What the model says of a text is its most probable label, the first of equals.
    """
    from sklearn.metrics import (  # type: ignore[import-untyped]  # noqa: PLC0415  # a slow import
        confusion_matrix,
        precision_recall_fscore_support,
    )

    numbers = {label: number for number, label in enumerate(model.labels)}
    true: Numbers = np.array([numbers[row.label] for row in rows])
    said: Numbers = probabilities.argmax(axis=1)
    places = range(len(model.labels))
    scores = precision_recall_fscore_support(true, said, labels=places, zero_division=np.nan)
    classes = _classes(model.labels, scores)
    sources = () if model.harmless is None else _sources(rows, true, said, numbers[model.harmless])
    confusion = confusion_matrix(true, said, labels=places)
    return Figures(
        texts=len(rows),
        macro_f1=float(np.mean([each.f1 for each in classes if each.texts])),
        accuracy=float((true == said).mean()),
        classes=classes,
        confusion=tuple(tuple(map(int, line)) for line in confusion),
        sources=sources,
        together=_together(sources) if sources else None,
        calibration=calibration(probabilities.max(axis=1), true == said),
    )


def _classes(labels: Sequence[str], scores: Sequence[NDArray[np.float64]]) -> tuple[OfClass, ...]:
    """`scores` are precisions, recalls, F1 and numbers of texts, NaN where not defined."""
    return tuple(
        OfClass(label, int(texts), _defined(precision), _defined(recall), _defined(f1))
        for label, precision, recall, f1, texts in zip(labels, *scores, strict=True)
    )


def _defined(score: float) -> float | None:
    return None if np.isnan(score) else float(score)


def _sources(
    rows: Sequence[Row], true: Numbers, said: Numbers, harmless: int
) -> tuple[OfSource, ...]:
    names = np.array([row.source for row in rows])
    good, passed = true == harmless, said == harmless
    return tuple(
        OfSource(
            source=str(name),
            harmless=int((good & own).sum()),
            flagged=int((good & ~passed & own).sum()),
            attacks=int((~good & own).sum()),
            missed=int((~good & passed & own).sum()),
        )
        for name in sorted({row.source for row in rows})
        for own in [names == name]
    )


def _together(sources: Sequence[OfSource]) -> OfSource:
    return OfSource(
        source="all",
        harmless=sum(each.harmless for each in sources),
        flagged=sum(each.flagged for each in sources),
        attacks=sum(each.attacks for each in sources),
        missed=sum(each.missed for each in sources),
    )

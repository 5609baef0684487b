"""What a model's answers are worth: scores by class, by source, and of its confidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.labelled.calibration import Calibration
from models.labelled.rows import Row
from models.labelled.scores import Numbers, OfClass, score
from training.evaluating.answers import Matrix, Model


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
    numbers = {label: number for number, label in enumerate(model.labels)}
    true: Numbers = np.array([numbers[row.label] for row in rows])
    said: Numbers = probabilities.argmax(axis=1)
    scores = score(model.labels, true, probabilities)
    sources = () if model.harmless is None else _sources(rows, true, said, numbers[model.harmless])
    return Figures(
        texts=scores.texts,
        macro_f1=scores.macro_f1,
        accuracy=scores.accuracy,
        classes=scores.classes,
        confusion=scores.confusion,
        sources=sources,
        together=_together(sources) if sources else None,
        calibration=scores.calibration,
    )


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

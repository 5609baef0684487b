"""How far a model's confidence can be believed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts of a confidence above `low`, up to `high`; both means are None where there are none."""

    low: float
    high: float
    texts: int
    confidence: float | None
    accuracy: float | None

    @property
    def gap(self) -> float:
        """How far confidence and accuracy are apart; 0 without texts."""
        if self.confidence is None or self.accuracy is None:
            return 0.0
        return abs(self.confidence - self.accuracy)


@dataclass(frozen=True, slots=True)
class Calibration:
    """`ece` is the expected, `mce` the maximum calibration error; both from 0, best, to 1."""

    ece: float
    mce: float
    bins: tuple[Bin, ...]


def calibration(
    confidences: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS
) -> Calibration:
    """Of at least one text; a confidence is the largest probability, from 0 to 1.

    C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks" (ICML
    2017), equations 2 to 5. With B_m the texts whose confidence is in ((m-1)/M, m/M]:
    ECE = sum over m of |B_m|/n * |accuracy(B_m) - confidence(B_m)|, MCE the largest of these
    differences. A confidence of 0 counts as in the first bin.
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    places = np.clip(np.searchsorted(edges, confidences, side="left") - 1, 0, bins - 1)
    found = tuple(
        _bin(float(edges[m]), float(edges[m + 1]), confidences[places == m], right[places == m])
        for m in range(bins)
    )
    ece = sum(each.texts * each.gap for each in found) / len(confidences)
    return Calibration(ece, max(each.gap for each in found), found)


def _bin(
    low: float, high: float, confidences: NDArray[np.float64], right: NDArray[np.bool_]
) -> Bin:
    if not len(confidences):
        return Bin(low, high, 0, None, None)
    return Bin(low, high, len(confidences), float(confidences.mean()), float(right.mean()))

"""Statistics over measured values, and how they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least the `part` of all values do not exceed."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is no quantile of nothing")
    return ordered[max(0, ceil(part * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Spread:
    """Rounds of the same kind: the middle one, and the extremes."""

    median: float
    least: float
    most: float

    @property
    def relative(self) -> float:
        """How far the extremes are apart, as a part of the median."""
        return (self.most - self.least) / self.median if self.median else 0.0


def spread(rounds: Sequence[float]) -> Spread:
    return Spread(median(rounds), min(rounds), max(rounds))


def ratio(above: float, below: float) -> float | None:
    """None where there is nothing to compare with."""
    return above / below if below else None


def deviation(told: float, measured: float) -> float:
    """How far `told` is from `measured`, as a part of that; never negative."""
    if not measured:
        return 0.0 if not told else float("inf")
    return abs(told - measured) / measured


def shown(value: object) -> str:
    """A figure as people read it: four digits, no more."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004
    return str(value)

"""A study as a picture: hit rate and load seconds against the budget. Needs matplotlib."""

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from whatif.replay import Outcome
from whatif.rivals import CONTENDERS
from whatif.study import Cell, Recommendation

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
"""Told apart by the colour-blind: M. Okabe and K. Ito, "Color Universal Design" (2008)."""


def draw(cells: Sequence[Cell], advice: Recommendation | None, path: Path) -> None:
    """Write a PNG. Raises OSError."""
    figure = Figure(figsize=(9, 8), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    _lines(above, cells, lambda outcome: outcome.hit_rate * 100)
    _lines(below, cells, lambda outcome: outcome.load_seconds_per_1000)
    above.set_ylabel("hit rate, %")
    below.set_ylabel("load seconds per 1,000 requests")
    below.set_xlabel("budget, MB")
    below.set_ylim(bottom=0)
    for axes in (above, below):
        axes.grid(alpha=0.3)
        if advice is not None:
            axes.axvline(advice.cell.budget / 1e6, color="grey", linestyle=":", zorder=0)
    if advice is not None:
        chosen = advice.cell
        above.set_title(f"recommended: {chosen.policy} within {chosen.budget / 1e6:,.0f} MB")
    above.legend()
    figure.savefig(path, format="png")


def _lines(axes: Axes, cells: Sequence[Cell], value: Callable[[Outcome], float]) -> None:
    """One line for each policy; dashed are those that the service does not offer."""
    policies = dict.fromkeys(cell.policy for cell in cells)
    for policy, colour in zip(policies, cycle(_COLOURS), strict=False):
        own = sorted((c for c in cells if c.policy == policy), key=lambda cell: cell.budget)
        axes.plot(
            [cell.budget / 1e6 for cell in own],
            [value(cell.outcome) for cell in own],
            label=policy,
            color=colour,
            marker="o",
            markersize=3,
            linestyle="-" if CONTENDERS[policy].offered else "--",
        )

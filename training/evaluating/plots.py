"""An evaluation as pictures: the confusion matrix, and confidence against accuracy."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.labelled.calibration import Calibration
from training.evaluating.findings import Findings

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#666666"
"""Told apart by the colour-blind: M. Okabe and K. Ito, "Color Universal Design" (2008)."""

_HALF = 0.5


def draw(findings: Findings, folder: Path) -> None:
    """Write confusion.png and reliability.png, each in one step. Raises OSError."""
    _save(_confusion(findings), folder / "confusion.png")
    _save(_reliability(findings), folder / "reliability.png")


def _confusion(findings: Findings) -> Figure:
    """Shades are parts of a row, which print and see well in grey; the counts stand in them."""
    labels = [one.label for one in findings.figures.classes]
    counts = np.array(findings.figures.confusion)
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(5.0, 1.1 * len(labels))
    figure = Figure(figsize=(size + 1.5, size), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(parts, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        colour = "white" if parts[row, column] > _HALF else "black"
        text = f"{counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("what the model says")
    axes.set_ylabel("what it is")
    axes.set_title(f"{findings.answers.model.name} on {findings.data}\ntexts", fontsize="medium")
    figure.colorbar(image, ax=axes, label="part of the row", shrink=0.8)
    return figure


def _reliability(findings: Findings) -> Figure:
    calibration = findings.figures.calibration
    figure = Figure(figsize=(6.5, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _bars(above, calibration)
    above.plot((0, 1), (0, 1), color=_GREY, linestyle="--", label="as sure as it is right")
    above.set_ylabel("accuracy")
    above.set_ylim(0, 1)
    above.set_title(
        f"{findings.answers.model.name} on {findings.data}\n"
        f"expected calibration error {calibration.ece:.3f}, maximum {calibration.mce:.3f}",
        fontsize="medium",
    )
    above.legend(loc="upper left")
    below.bar(
        [one.low for one in calibration.bins],
        [one.texts for one in calibration.bins],
        width=1 / len(calibration.bins),
        align="edge",
        color=_GREY,
        edgecolor="white",
    )
    below.set_yscale("symlog")
    below.set_ylim(bottom=0)
    below.set_ylabel("texts")
    below.set_xlabel("confidence: the largest probability")
    below.set_xlim(0, 1)
    return figure


def _bars(axes: Axes, calibration: Calibration) -> None:
    filled = [one for one in calibration.bins if one.texts]
    axes.bar(
        [one.low for one in filled],
        [one.accuracy or 0.0 for one in filled],
        width=1 / len(calibration.bins),
        align="edge",
        color=_BLUE,
        edgecolor="white",
        label="accuracy of a bin",
    )
    axes.plot(
        [one.confidence or 0.0 for one in filled],
        [one.accuracy or 0.0 for one in filled],
        color=_ORANGE,
        marker="D",
        linestyle="none",
        label="at its mean confidence",
    )
    axes.grid(alpha=0.3)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    part = path.with_name(f"{path.name}.part")
    figure.savefig(part, format="png", dpi=120)
    part.replace(path)

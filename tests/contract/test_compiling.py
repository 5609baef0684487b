"""Optimising a graph at registration leaves its answers right, on whatever processor.

What the tests of answers show can only be seen on an x86 without VNNI.
"""

import math
from pathlib import Path

import numpy as np
import pytest

from models.engines.onnx import OnnxEngine
from models.registration.compiling import optimise
from tests import saturating, tiny
from tests.saturating import LOGITS, weights_of, write_saturating

MAX_LENGTH = 16


def optimised(source: Path, target: Path) -> Path:
    made = optimise(str(source), str(target), tiny.LABELS, MAX_LENGTH)
    assert made["precision"] == "int8"
    return target


@pytest.mark.parametrize("form", saturating.FORMS)
def test_weights_that_this_processor_would_add_up_wrongly_are_moved(
    tmp_path: Path, form: str
) -> None:
    """Fault found: on processors without VNNI 10 of 512 texts got another label.

    Planted faults: weights as they came; onnxruntime's option left out, which the static form
    needs; a reference that adds up wrongly itself, so that the right graph was refused.
    """
    folder = optimised(write_saturating(tmp_path / "source", form), tmp_path / "made")

    [row] = OnnxEngine(folder, tiny.LABELS, MAX_LENGTH, compiled=True).predict(["red"])

    powers = [math.exp(logit) for logit in LOGITS]
    assert row.probabilities == pytest.approx([power / sum(powers) for power in powers], abs=1e-3)


@pytest.mark.parametrize("form", [form for form in saturating.FORMS if form != "static"])
def test_what_is_saved_travels_to_any_processor(tmp_path: Path, form: str) -> None:
    """The weights are unsigned wherever it was made. Nothing of the signed ones is kept."""
    folder = optimised(write_saturating(tmp_path / "source", form), tmp_path / "made")

    [weights] = weights_of(folder / "model.onnx")
    assert (weights.dtype, weights.min(), weights.max()) == (np.uint8, 128, 255)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["made", "source"]


def test_weights_of_seven_bits_stay_as_they_are(tmp_path: Path) -> None:
    """Signed ones are as right, and faster."""
    folder = optimised(write_saturating(tmp_path / "source", divisor=2), tmp_path / "made")

    [weights] = weights_of(folder / "model.onnx")
    assert (weights.dtype, weights.max()) == (np.int8, 63)

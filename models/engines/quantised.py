"""What precision an ONNX graph computes in, by the operators it has."""

import mmap
from pathlib import Path
from typing import Literal

OnnxPrecision = Literal["fp32", "int8", "int8-weights"]

_INTEGERS = (
    b"QuantizeLinear",
    b"DynamicQuantize",
    b"MatMulInteger",
    b"QLinearMatMul",
    b"QAttention",
    b"ConvInteger",
)
"""Activations are rounded to 8 bits too. Fused, only DynamicQuantizeMatMul may be left."""

_WEIGHTS_ONLY = b"MatMulNBits"


def precision(graph: Path) -> OnnxPrecision:
    """Of `model.onnx`; weights beside it are not looked at.

    Dynamic int8 scales activations over the whole batch, so that an answer depends on who else is
    in it (a shift of 0.01 was measured). Static int8, which nobody registers, counts alike.
    """
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as found:
        if any(found.find(name) >= 0 for name in _INTEGERS):
            return "int8"
        return "int8-weights" if found.find(_WEIGHTS_ONLY) >= 0 else "fp32"


def is_batch_proof(kind: OnnxPrecision) -> bool:
    """Does an answer stay within 1e-3 whatever else is in its batch? Measured: fp32 4e-7,
    weight-only 5e-4."""
    return kind != "int8"

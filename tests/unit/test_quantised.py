"""What precision a graph has, by the operators in it."""

from pathlib import Path

import pytest

import models
from models.engines.quantised import is_batch_proof, precision
from tests import tiny


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        (b"MatMul Softmax DequantizeLinear", "fp32"),
        (b"MatMulNBits", "int8-weights"),
        (b"DynamicQuantizeLinear MatMulInteger", "int8"),
        (b"MatMulNBits DynamicQuantizeLinear", "int8"),
        (b"QAttention", "int8"),
        (b"QuantizeLinear QLinearMatMul", "int8"),
    ],
)
def test_operators_tell_the_precision(tmp_path: Path, operators: bytes, expected: str) -> None:
    """Weights that are widened before the product, as tables are, leave it fp32."""
    (tmp_path / "model.onnx").write_bytes(operators)

    assert precision(tmp_path / "model.onnx") == expected


def test_real_graphs_are_told_apart(tmp_path: Path) -> None:
    assert precision(tiny.write_model(tmp_path) / "model.onnx") == "fp32"
    assert precision(Path(models.__file__).parent / "embedded" / "model.onnx") == "int8"


def test_only_rounded_activations_let_neighbours_matter() -> None:
    assert is_batch_proof("fp32")
    assert is_batch_proof("int8-weights")
    assert not is_batch_proof("int8")

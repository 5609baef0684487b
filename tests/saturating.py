"""A tiny int8 model whose weights are too great for processors without VNNI.

For every text the right logits are LOGITS: of red, weights of 127 in places that are added first;
of green, weights of 90 far from each other. Who adds products in 16 bits says green.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]
from onnx import load, numpy_helper, parser, save_model

from tests import tiny

LOGITS = (2.54, 1.8, 0.0)
_WIDTH = 16
_GRAPH = """
<ir_version: 8, opset_import: ["": 17]>
colours (int64[b, s] input_ids, int64[b, s] attention_mask) => (float[b, n] logits) {{
    rows = Gather(table, input_ids)
    mask = Cast<to = 1>(attention_mask)
    column = Unsqueeze(mask, last)
    kept = Mul(rows, column)
    peak = ReduceMax<axes = [1], keepdims = 0>(kept)
    {product}
}}
"""
_DYNAMIC = """
    bytes, scale, zero = DynamicQuantizeLinear(peak)
    sums = MatMulInteger(bytes, weights, zero{zero})
    numbers = Cast<to = 1>(sums)
    factor = Mul(scale, weights_scale)
    logits = Mul(numbers, factor)
"""
_STATIC = """
    bytes = QuantizeLinear(peak, peak_scale, peak_zero)
    about = DequantizeLinear(bytes, peak_scale, peak_zero)
    matrix = DequantizeLinear(weights, weights_scale, weights_zero)
    exact = MatMul(about, matrix)
    rounded = QuantizeLinear(exact, logits_scale, peak_zero)
    logits = DequantizeLinear(rounded, logits_scale, peak_zero)
"""
_PRODUCTS = {
    "dynamic": _DYNAMIC.format(zero=", weights_zero"),
    "without a zero point": _DYNAMIC.format(zero=""),
    "optimised elsewhere": _DYNAMIC.format(zero=", weights_zero"),
    "static": _STATIC,
}
FORMS = tuple(_PRODUCTS)


def write_saturating(folder: Path, form: str = "dynamic", *, divisor: int = 1) -> Path:
    """Fill `folder` to be registered. With weights divided, LOGITS are divided as well."""
    graph = tiny.write_model(folder) / "model.onnx"
    model = parser.parse_model(_GRAPH.format(product=_PRODUCTS[form]))
    for name, value in _constants(divisor).items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    save_model(model, str(graph))
    if form == "optimised elsewhere":
        _optimise(graph)
    return folder


def weights_of(graph: Path) -> list[np.ndarray[Any, Any]]:
    """The matrices of bytes in it."""
    values = [numpy_helper.to_array(entry) for entry in load(graph).graph.initializer]
    return [value for value in values if value.itemsize == 1 and value.ndim == 2]


def _constants(divisor: int) -> dict[str, np.ndarray[Any, Any]]:
    table, weights = np.zeros((12, _WIDTH), np.float32), np.zeros((_WIDTH, 3), np.int8)
    table[:, :4] = 1
    weights[[0, 1], 0] = 127 // divisor
    weights[[0, 2], 1] = 90 // divisor
    return {
        "table": table,
        "weights": weights,
        "weights_scale": np.array(0.01, np.float32),
        "weights_zero": np.array(0, np.int8),
        "peak_scale": np.array(1 / 255, np.float32),
        "peak_zero": np.array(0, np.uint8),
        "logits_scale": np.array(0.01, np.float32),
        "last": np.array([2]),
    }


def _optimise(graph: Path) -> None:
    """As somebody does who did not think of such processors."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(graph)
    ort.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])

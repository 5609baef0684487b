"""Products in integers that are exact on every processor. Needs the onnx package.

Processors without VNNI add two products of an unsigned activation and a signed weight in 16 bits:
2 * 255 * 64 fits, 2 * 255 * 65 does not. Products of unsigned numbers are widened first. So
constant weights beyond 64, and the zero points with them, are moved up by 128 (source:
onnxruntime's documentation, "When and why do I need to try U8U8?").
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_FITS = 64
_MOVED = 128

_PRODUCTS = {
    "MatMulInteger": (1, 3),
    "ConvInteger": (1, 3),
    "MatMulIntegerToFloat": (1, 5),
    "DynamicQuantizeMatMul": (1, 3),
    "QAttention": (1, 7),
    "QLinearMatMul": (3, 5),
    "QLinearConv": (3, 5),
}
"""Which of an operator's inputs are the weights and their zero point."""

_Constants = Mapping[str, Any]


def save_unsigned(source: Path, target: Path) -> int:
    """Write the graph with such weights moved; returns in how many products.

    Where there are none nothing is written. What nobody reads any more is still there, for
    onnxruntime to leave out.
    """
    model = onnx.load(source)
    moved = _move_weights(model.graph)
    if moved:
        onnx.save(model, target, save_as_external_data=True, location=f"{target.name}.data")
    return moved


def _move_weights(graph: Any) -> int:
    constants = _constants(graph)
    made: dict[str, Any] = {}
    moved = 0
    for node in graph.node:
        weights, zero = _PRODUCTS.get(node.op_type, (0, 0))
        if weights and _must_move(node, weights, zero, constants):
            node.input.extend([""] * (zero + 1 - len(node.input)))
            for place in (weights, zero):
                entry = _unsigned(node.input[place], constants)
                node.input[place] = entry.name
                made[entry.name] = entry
            moved += 1
    graph.initializer.extend(made.values())
    return moved


def _constants(graph: Any) -> dict[str, Any]:
    """Initializers, and what nodes hold."""
    entries = {entry.name: entry for entry in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                entries[node.output[0]] = attribute.t
    return entries


def _must_move(node: Any, weights: int, zero: int, constants: _Constants) -> bool:
    entry = constants.get(node.input[weights])
    if entry is None or entry.data_type != onnx.TensorProto.INT8:
        return False
    name = node.input[zero] if zero < len(node.input) else ""
    if name and name not in constants:
        return False
    return bool(np.abs(numpy_helper.to_array(entry).astype(np.int16)).max(initial=0) > _FITS)


def _unsigned(name: str, constants: _Constants) -> Any:
    """The constant of that name, moved; without a name it is the zero point 0."""
    if not name:
        return helper.make_tensor("zero_unsigned", onnx.TensorProto.UINT8, [], [_MOVED])
    values = numpy_helper.to_array(constants[name]).astype(np.int16) + _MOVED
    return numpy_helper.from_array(values.astype(np.uint8), f"{name}_unsigned")

"""What in an ONNX graph does not depend on the text that is read. Needs the onnx package."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

_SMALL = 64
"""Numbers in a constant that says where or how long, at most."""

_WRITTEN = ("value", "value_int", "value_ints", "value_float", "value_floats")

_INTEGERS = (TensorProto.INT32, TensorProto.INT64)


def constants_of(graph: Any) -> set[str]:
    """The names of what does not depend on the text."""
    known = {entry.name for entry in graph.initializer}
    for node in graph.node:
        if not outer_names(node) and all(not name or name in known for name in node.input):
            known.update(node.output)
    return known


def integers_of(graph: Any, folder: str) -> dict[str, tuple[int, ...]]:
    """The values of small constants; those beside the graph are in `folder`."""
    return {
        name: tuple(int(number) for number in numpy_helper.to_array(entry, folder).flat)
        for name, entry in _tensors(graph).items()
        if entry.data_type in _INTEGERS and np.prod(entry.dims) <= _SMALL
    }


def dims_of(graph: Any) -> dict[str, tuple[int, ...]]:
    """Of the constants that are written down, and of what only has another name."""
    found = {name: tuple(entry.dims) for name, entry in _tensors(graph).items()}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _tensors(graph: Any) -> dict[str, Any]:
    tensors = {entry.name: entry for entry in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name in _WRITTEN:
            made = helper.get_attribute_value(node.attribute[0])
            known = isinstance(made, TensorProto)
            tensors[node.output[0]] = made if known else numpy_helper.from_array(np.array(made))
    return tensors


def outer_names(node: Any) -> list[str]:
    """What graphs inside of a node, as of If and Loop, read; more than that, at worst."""
    return [
        name
        for entry in node.attribute
        for inner in ([entry.g] if entry.HasField("g") else list(entry.graphs))
        for each in (*inner.node, inner)
        for name in _read_by(each)
    ]


def _read_by(each: Any) -> list[str]:
    """By a node, or given out by a graph."""
    if hasattr(each, "op_type"):
        return [*each.input, *outer_names(each)]
    return [entry.name for entry in each.output]

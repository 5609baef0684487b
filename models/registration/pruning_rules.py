"""Of an operator whose result is needed in the first row of an axis alone: which rows does it need?

Pure. A rule answers with the inputs of which the first row is enough too, each with its axis there;
what it does not name is needed whole. None where there is no such answer.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Dims = Sequence[tuple[int, ...]]
"""Of one tensor, in several runs that differ in the number of texts and in their length."""

Ask = tuple[int, int]
"""The number of an input, and the axis of which the first row is needed."""

Rule = Callable[[Any, int, "Facts"], Sequence[Ask] | None]

_DOMAINS = ("", "ai.onnx", "com.microsoft")

_ONE_AXIS_SOFTMAX = 13
"""The opset since which Softmax works on one axis; before, on all from there on."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a graph: `dims` of tensors, what `shapes` said that are computed, in each
    run; the values of constant `integers`, its `opset`, and the names of its `inputs`."""

    dims: Mapping[str, Dims]
    shapes: Mapping[str, Dims]
    integers: Mapping[str, tuple[int, ...]]
    opset: int
    inputs: Sequence[str]

    def rank(self, name: str) -> int | None:
        return len(self.dims[name][0]) if name in self.dims else None

    def length(self, name: str, axis: int) -> tuple[str, int] | None:
        """The input of the graph, and its axis, that are as long in every run."""
        lengths = [run[axis] for run in self.dims.get(name, ())]
        for given in self.inputs:
            for place in range(self.rank(given) or 0):
                if [run[place] for run in self.dims[given]] == lengths:
                    return given, place
        return None

    def is_one(self, name: str, axis: int) -> bool:
        return all(run[axis] == 1 for run in self.dims[name])


def asks(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    """For the first row of `axis` of the node's first output."""
    rule = _RULES.get(node.op_type) if node.domain in _DOMAINS else None
    return None if rule is None or node.output[0] not in facts.dims else rule(node, axis, facts)


def attribute(node: Any, name: str, default: Any = None) -> Any:
    for entry in node.attribute:
        if entry.name == name:
            return list(entry.ints) if entry.ints else entry.i
    return default


def integers(node: Any, place: int, facts: Facts) -> tuple[int, ...] | None:
    """The values of an input; None when they are not known, or it is not given."""
    return facts.integers.get(node.input[place]) if len(node.input) > place else None


def same_axis(before: Dims, after: Dims, axis: int) -> int | None:
    """Where the rows of `axis` were before tensors were reshaped; None where they have no axis."""
    for place in range(len(before[0])):
        if all(
            a[place] == b[axis] and math.prod(a[:place]) == math.prod(b[:axis])
            for a, b in zip(before, after, strict=True)
        ):
            return place
    return None


def _by_element(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    """Inputs are broadcast: aligned from the right, and rows of one are the same for all."""
    if any(name and name not in facts.dims for name in node.input):
        return None
    from_right = len(facts.dims[node.output[0]][0]) - axis
    found = []
    for number, name in enumerate(node.input):
        place = len(facts.dims[name][0]) - from_right if name else -1
        if place >= 0 and not facts.is_one(name, place):
            found.append((number, place))
    return found


def _sum_and_normalise(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    found = _by_element(node, axis, facts)
    return found if axis < len(facts.dims[node.output[0]][0]) - 1 else None


def _product(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    """Rows of the left side alone."""
    rank = facts.rank(node.output[0])
    turned = any(attribute(node, name, 0) for name in ("transA", "transBatchA"))
    if rank is None or facts.rank(node.input[0]) != rank or axis != rank - 2 or turned:
        return None
    return [(0, axis)]


def _transposed(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    rank = len(facts.dims[node.output[0]][0])
    return [(0, attribute(node, "perm", list(range(rank))[::-1])[axis])]


def _normalised(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    """LayerNormalization works on all axes from its own on."""
    first = attribute(node, "axis", -1) % len(facts.dims[node.output[0]][0])
    return [(0, axis)] if axis < first else None


def _softmax(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    modern = facts.opset >= _ONE_AXIS_SOFTMAX
    own = attribute(node, "axis", -1 if modern else 1) % len(facts.dims[node.output[0]][0])
    return [(0, axis)] if axis < own or (modern and axis != own) else None


def _reduced(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    axes = attribute(node, "axes") or integers(node, 1, facts)
    if not axes or not attribute(node, "keepdims", 1):
        return None
    rank = len(facts.dims[node.output[0]][0])
    return None if axis in {own % rank for own in axes} else [(0, axis)]


def _sliced(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    axes = integers(node, 3, facts)
    if not axes:
        return None
    rank = len(facts.dims[node.output[0]][0])
    return None if axis in {own % rank for own in axes} else [(0, axis)]


def _looked_up(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    """GatherElements: each place of the second input says where to look in the same row."""
    rank = len(facts.dims[node.output[0]][0])
    return [(0, axis), (1, axis)] if attribute(node, "axis", 0) % rank != axis else None


def _squeezed(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    """Not where any axis of one would go: the first row is such an axis."""
    told = attribute(node, "axes") or integers(node, 1, facts)
    return _reshaped(node, axis, facts) if told else None


def _reshaped(node: Any, axis: int, facts: Facts) -> Sequence[Ask] | None:
    """Where rows stay apart."""
    before, after = facts.dims.get(node.input[0]), facts.dims[node.output[0]]
    place = None if before is None else same_axis(before, after, axis)
    if place is None or (node.op_type == "Reshape" and _copies(node, place, axis, facts)):
        return None
    return [(0, place)]


def _copies(node: Any, place: int, axis: int, facts: Facts) -> bool:
    """Would Reshape copy the length of one row to another axis? That is what 0 says, in its place.

    Where nobody knows what it is told, it might.
    """
    if place == axis or place >= len(facts.dims[node.output[0]][0]):
        return False
    told = facts.shapes.get(node.input[1])
    return told is None or any(run[place] == 0 for run in told)


_BY_ELEMENT = re.findall(
    r"\w+",
    """
    Abs Add And BiasGelu Cast Ceil Clip Cos Div Elu Equal Erf Exp FastGelu Floor Gelu Greater
    GreaterOrEqual HardSigmoid HardSwish Identity LeakyRelu Less LessOrEqual Log Max Min Mish Mul
    Neg Not Or PRelu Pow QuickGelu Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign
    Sqrt Sub Sum Tanh ThresholdedRelu Where Xor
    """,
)

_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_BY_ELEMENT, _by_element),
    **dict.fromkeys(("MatMul", "FusedMatMul"), _product),
    **dict.fromkeys(("LayerNormalization", "SimplifiedLayerNormalization"), _normalised),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2"), _reduced),
    **dict.fromkeys(("Reshape", "Unsqueeze", "Flatten"), _reshaped),
    "SkipLayerNormalization": _sum_and_normalise,
    "Squeeze": _squeezed,
    "Transpose": _transposed,
    "Slice": _sliced,
    "GatherElements": _looked_up,
}

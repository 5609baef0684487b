"""A classifier that reads the first token of the last layer needs no more than that of it.

Pure surgery on an ONNX graph. Where the first row of a tensor is looked at and nothing else, only
that row is computed, and so upstream, as far as an operator's rows don't depend on each other's:
through the last feed-forward, and of the last attention all but keys and values. Where the chain
ends, a Slice takes the first row, so that the answer stays what it was, up to rounding. Needs the
onnx package.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.registration.pruning_constants import constants_of, outer_names
from models.registration.pruning_nodes import Smith
from models.registration.pruning_rules import Facts, asks, attribute

LEAST_PRODUCTS = 2
"""With weights: the two of a feed-forward. What saves less is not worth it."""

_SEQUENCE = 1
"""The axis of tokens in what the last layer gives: [texts, tokens, width]."""

_WITH_AXES = 3
"""What a Slice is told: starts, ends, axes, steps."""


@dataclass(slots=True)
class Cut:
    """Of which `nodes`, by number, one row is enough, and the inputs of which they need one row,
    with its axis; and the axis of what they make, in `axes` by its name."""

    nodes: dict[int, Mapping[int, int]] = field(default_factory=dict)
    axes: dict[str, int] = field(default_factory=dict)


def first_token_reads(graph: Any, integers: Mapping[str, tuple[int, ...]]) -> list[int]:
    """The numbers of the nodes that look at nothing but the first row of the axis of tokens."""
    return [number for number, node in enumerate(graph.node) if _reads_first(node, integers)]


def prune(model: Any, facts: Facts) -> int:
    """Change `model` in place; the number of products with weights of which one row is left.

    Fewer than LEAST_PRODUCTS, and the model stays as it is.
    """
    graph = model.graph
    cut = _plan(graph, facts)
    constant = constants_of(graph)
    reached = sum(
        graph.node[number].op_type in {"MatMul", "FusedMatMul"}
        and graph.node[number].input[1] in constant
        for number in cut.nodes
    )
    if reached >= LEAST_PRODUCTS:
        _apply(graph, cut, facts)
    return reached


def _plan(graph: Any, facts: Facts) -> Cut:
    """From the end to the beginning: a node's output is pruned when all who read it agree."""
    readers = Counter(name for node in graph.node for name in (*node.input, *outer_names(node)))
    readers.update(entry.name for entry in graph.output)
    for node in graph.node:
        if _tells_shape(node):
            readers[node.input[0]] -= 1
    asked: dict[str, list[int]] = defaultdict(list)
    for number in first_token_reads(graph, facts.integers):
        asked[graph.node[number].input[0]].append(_SEQUENCE)
    cut = Cut()
    for number in reversed(range(len(graph.node))):
        node = graph.node[number]
        axes = asked.get(node.output[0], [])
        others = any(readers[name] for name in node.output[1:] if name)
        if len(axes) != readers[node.output[0]] or len(set(axes)) != 1 or others:
            continue
        needs = asks(node, axes[0], facts) if facts.length(node.output[0], axes[0]) else None
        if needs is None:
            continue
        cut.nodes[number], cut.axes[node.output[0]] = dict(needs), axes[0]
        for place, axis in needs:
            asked[node.input[place]].append(axis)
    return cut


def _apply(graph: Any, cut: Cut, facts: Facts) -> None:
    smith = Smith(facts, {name: node for node in graph.node for name in node.output})
    nodes: list[Any] = []
    for number, node in enumerate(graph.node):
        if number in cut.nodes:
            nodes += smith.first_rows(node, cut.axes, cut.nodes[number])
        elif _tells_shape(node) and node.input[0] in cut.axes:
            nodes += smith.whole_shape(node, cut.axes[node.input[0]])
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(smith.constants.values())
    kept = [entry for entry in graph.value_info if entry.name not in cut.axes]
    del graph.value_info[:]
    graph.value_info.extend(kept)


def _reads_first(node: Any, integers: Mapping[str, tuple[int, ...]]) -> bool:
    if node.op_type == "Gather":
        return attribute(node, "axis", 0) == _SEQUENCE and integers.get(node.input[1]) == (0,)
    if node.op_type != "Slice":
        return False
    told = [integers.get(name, ()) for name in node.input[1:]]
    if len(told) < _WITH_AXES:
        return False
    starts, ends, axes = told[:_WITH_AXES]
    steps = told[_WITH_AXES] if len(told) > _WITH_AXES else (1,) * len(axes)
    return (_SEQUENCE, 0, 1, 1) in zip(axes, starts, ends, steps, strict=False)


def _tells_shape(node: Any) -> bool:
    return bool(node.op_type == "Shape" and not node.attribute)

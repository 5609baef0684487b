"""The nodes of a pruned ONNX graph: those that take one row, and those that know of all.

Needs the onnx package.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from models.registration.pruning_rules import Facts


class Smith:
    """Makes the nodes of a pruned graph, and the constants that they need."""

    def __init__(self, facts: Facts, makers: Mapping[str, Any]) -> None:
        self.constants: dict[str, Any] = {}
        self._facts = facts
        self._makers = makers
        self._sliced: set[str] = set()

    def first_rows(
        self, node: Any, axes: Mapping[str, int], needs: Mapping[int, int]
    ) -> Iterator[Any]:
        """The node, changed to take first rows, after those that it newly needs."""
        if node.op_type == "Reshape":
            yield from self._shortened(node, axes[node.output[0]])
        for place, axis in needs.items():
            name = node.input[place]
            if name not in axes:
                node.input[place] = f"{name}/first_{axis}"
                if node.input[place] not in self._sliced:
                    self._sliced.add(node.input[place])
                    yield self._part(name, 0, 1, node.input[place], axis)
        yield node

    def whole_shape(self, node: Any, axis: int) -> Iterator[Any]:
        """What Shape said before: a length of one is that of an input of the graph instead."""
        told, short = node.output[0], f"{node.output[0]}/short"
        source = self._facts.length(node.input[0], axis)
        if source is None:
            raise ValueError(f"no input tells the length of {node.input[0]}")
        yield helper.make_node("Shape", [node.input[0]], [short])
        yield helper.make_node("Shape", [source[0]], [f"{told}/lengths"])
        yield self._part(f"{told}/lengths", source[1], source[1] + 1, f"{told}/length")
        rank = len(self._facts.dims[node.input[0]][0])
        yield from self._with(short, axis, rank, f"{told}/length", told)

    def _shortened(self, node: Any, axis: int) -> Iterator[Any]:
        """Have Reshape make an axis of one row."""
        shape, made = node.input[1], f"{node.output[0]}/shape"
        rank = len(self._facts.dims[node.output[0]][0])
        node.input[1] = made
        values = self._facts.integers.get(shape)
        maker = self._makers.get(shape)
        if values is not None:
            node.input[1] = self._constant((*values[:axis], 1, *values[axis + 1 :]))
        elif maker is not None and maker.op_type == "Concat" and self._by_one(maker.input, rank):
            parts = [*maker.input[:axis], self._constant((1,)), *maker.input[axis + 1 :]]
            yield helper.make_node("Concat", parts, [made], axis=0)
        else:
            yield from self._with(shape, axis, rank, self._constant((1,)), made)

    def _by_one(self, parts: Sequence[str], rank: int) -> bool:
        one = all(run == (1,) for name in parts for run in self._facts.dims.get(name, ((),)))
        return one and len(parts) == rank

    def _with(self, shape: str, axis: int, rank: int, length: str, made: str) -> Iterator[Any]:
        """The vector `shape` of that `rank`, with `length` in place `axis`."""
        parts = [length]
        if axis > 0:
            parts.insert(0, f"{made}/before")
            yield self._part(shape, 0, axis, parts[0])
        if axis + 1 < rank:
            parts.append(f"{made}/after")
            yield self._part(shape, axis + 1, rank, parts[-1])
        yield helper.make_node("Concat", parts, [made], axis=0)

    def _part(self, name: str, start: int, end: int, made: str, axis: int = 0) -> Any:
        places = [self._constant((number,)) for number in (start, end, axis)]
        return helper.make_node("Slice", [name, *places], [made])

    def _constant(self, values: Iterable[int]) -> str:
        numbers = tuple(values)
        name = "pruned/" + "_".join(str(number) for number in numbers)
        self.constants[name] = numpy_helper.from_array(np.array(numbers, np.int64), name)
        return name

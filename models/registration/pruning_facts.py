"""What is known of a graph whose lengths are free: found by running it on a few texts.

Operators that compute shapes leave inference of shapes without an answer, whichever library does
it. Runs with other numbers of texts and tokens tell which axis is which.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]
from numpy.typing import NDArray

from models.errors import RegistrationFailed
from models.registration.pruning_constants import constants_of, dims_of, integers_of
from models.registration.pruning_rules import Facts

_RUNS = ((2, 5), (3, 7), (1, 11))
"""Texts and tokens: no number comes twice."""

_QUIET = 4
_SEED = 7
_TYPES: dict[str, Any] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class Trial:
    """A graph that is run on token ids below `vocabulary`, the last text of them padded."""

    def __init__(self, path: Path, vocabulary: int) -> None:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = _QUIET
        self._vocabulary = vocabulary
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise RegistrationFailed(f"onnxruntime cannot read it: {error}") from error
        self.inputs = {given.name: given for given in self._session.get_inputs()}
        for name, given in self.inputs.items():
            if name not in _INPUTS or given.type not in _TYPES:
                raise RegistrationFailed(f"it has an input of its own, {name} ({given.type})")

    def run(self, texts: int, tokens: int) -> dict[str, Any]:
        """All inputs and outputs by name. Lengths that the graph fixes are as it says."""
        feed = {name: self._feed(name, texts, tokens) for name in self.inputs}
        try:
            made = self._session.run(None, feed)
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise RegistrationFailed(f"it cannot read {tokens} tokens: {error}") from error
        names = [output.name for output in self._session.get_outputs()]
        return feed | dict(zip(names, made, strict=True))

    def shift(self, reference: "Trial", texts: int, tokens: int) -> float:
        """How far an output is from the reference's, relative to the greatest there; at most."""
        found, wanted = self.run(texts, tokens), reference.run(texts, tokens)
        return max(
            float(np.abs(found[name] - wanted[name]).max() / max(1, np.abs(wanted[name]).max()))
            for name in wanted.keys() - self.inputs.keys()
        )

    def _feed(self, name: str, texts: int, tokens: int) -> NDArray[Any]:
        given = self.inputs[name]
        free = zip(given.shape, (texts, tokens), strict=True)
        shape = tuple(size if isinstance(size, int) else wanted for size, wanted in free)
        values = np.zeros(shape, _TYPES[given.type])
        if name == "input_ids":
            values += np.random.default_rng(_SEED).integers(0, self._vocabulary, shape)
        if name == "attention_mask":
            values[:] = 1
            values[1:, (shape[1] + 1) // 2 :] = 0
        return values


def facts_of(model: Any, folder: Path, vocabulary: int) -> Facts:
    """Of a graph whose weights are in `folder`, where it is written to for as long as that takes.

    Raises RegistrationFailed when it cannot be run.
    """
    constants = constants_of(model.graph)
    runs = _watch(model, folder, vocabulary, constants)
    dims: dict[str, Sequence[tuple[int, ...]]] = {
        name: [run[name].shape for run in runs]
        for name, value in runs[0].items()
        if isinstance(value, np.ndarray)
    }
    integers = integers_of(model.graph, str(folder))
    return Facts(
        dims=dims | {name: [shape] * len(runs) for name, shape in dims_of(model.graph).items()},
        shapes={name: [values] * len(runs) for name, values in integers.items()}
        | {
            name: [tuple(run[name].tolist()) for run in runs]
            for name, lengths in dims.items()
            if len(lengths[0]) == 1 and runs[0][name].dtype == np.int64
        },
        integers=integers,
        opset=max(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}),
        inputs=tuple(entry.name for entry in model.graph.input if entry.name in _INPUTS),
    )


def _watch(model: Any, folder: Path, vocabulary: int, constants: set[str]) -> list[dict[str, Any]]:
    told = {entry.name for entry in model.graph.output}
    names = [
        name
        for node in model.graph.node
        for name in node.output
        if name and name not in told and name not in constants
    ]
    watched, path = onnx.ModelProto(), folder / "watched.onnx"
    watched.CopyFrom(model)
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    onnx.save(watched, path)
    try:
        trial = Trial(path, vocabulary)
        return [trial.run(*lengths) for lengths in _RUNS]
    finally:
        path.unlink()

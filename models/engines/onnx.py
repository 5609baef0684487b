"""The ONNX engine: one exported classifier, run by onnxruntime on a CPU or a GPU."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from models.engines import Row
from models.engines.answers import Matrix
from models.engines.batches import bounds
from models.engines.classifying import Classifying, filled
from models.engines.placing import no_gpu, number, place, refusal
from models.engines.quantised import OnnxPrecision, is_batch_proof, precision
from models.engines.reading import Reader, Window, require
from models.errors import ModelLoadFailed

_log = logging.getLogger(__name__)

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_READS: dict[str, Callable[[Window], Sequence[int]]] = {
    "input_ids": lambda window: window.ids,
    "attention_mask": lambda window: [1] * len(window.ids),
    "token_type_ids": lambda window: window.type_ids,
}
_INTEGERS: dict[str, Any] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_IDENTITY = (
    b'\x08\x08:;\n\x12\n\x01x\x12\x01y"\x08Identity:\x00\x12\x01gZ\x10\n\x01x\x12\x0b\n\t\x08\x01\x12'
    b"\x05\n\x03\x12\x01nb\x10\n\x01y\x12\x0b\n\t\x08\x01\x12\x05\n\x03\x12\x01nB\x04\n\x00\x10\x11"
)
"""The smallest ONNX graph: y = Identity(x), any number of floats."""
_QUIET = 3

_NO_PROVIDER = "this onnxruntime has no CUDA: install the gpu extra (onnxruntime-gpu in its place)"
_NO_INT8 = "dynamic int8 is for CPUs alone: register the model with precision fp32 or int8-weights"
_NOT_STARTED = (
    "onnxruntime could not start CUDA: see that the CUDA and cuDNN libraries of the versions"
    " that onnxruntime-gpu asks for are installed"
)


class OnnxEngine:
    """`model.onnx`, `tokenizer.json` and, if there, `config.json` of one folder.

    Raises ModelLoadFailed when graph, labels and device don't fit; what else is wrong with the
    files is raised by onnxruntime and tokenizers in their own words.
    """

    def __init__(
        self,
        path: Path,
        labels: Sequence[str],
        max_length: int,
        *,
        intra_op: int = 1,
        compiled: bool = False,
        device: str = "cpu",
        max_windows: int = 16,
        harmless: str | None = None,
    ) -> None:
        require(path, "model.onnx", "tokenizer.json")
        self.labels = tuple(labels)
        reader = Reader(path, max_length, max_windows)
        kind = precision(path / "model.onnx")
        self.batch_proof = is_batch_proof(kind)
        self._pad = reader.pad
        placed = place(device, lambda: _obstacle(kind, device))
        self._session = _open(path / "model.onnx", intra_op, compiled=compiled, device=placed)
        self.device = _settled(self._session, placed, device)
        self._inputs = _inputs(self._session)
        self._output = _output(self._session)
        within = bounds(self.device, max_length, batch_proof=self.batch_proof)
        self._classifying = Classifying(reader, self._run, self.labels, within, harmless)

    def predict(self, texts: Sequence[str]) -> list[Row]:
        return self._classifying.predict(texts)

    def close(self) -> None:
        """Nothing to do: the memory goes with the process."""

    def _run(self, windows: Sequence[Window]) -> Matrix:
        feed = {}
        for name, kind in self._inputs.items():
            filler = self._pad if name == "input_ids" else 0
            feed[name] = filled([_READS[name](window) for window in windows], filler, kind)
        (logits,) = self._session.run([self._output], feed)
        return np.asarray(logits, np.float64)


def has_cuda() -> bool:
    """Is onnxruntime-gpu installed, and not the one for CPUs alone?"""
    return _CUDA in ort.get_available_providers()


def warm_up() -> None:
    """Run the smallest graph and the smallest tokenizer once, and keep nothing of them.

    In the fork server this maps the pages of both libraries that any run needs. Otherwise a
    runner that is alone would be charged 14 MB of code, and two of them nothing.
    """
    session = _open(_IDENTITY, 1, compiled=True)
    session.run(None, {"x": np.zeros(1, np.float32)})
    tokenizer = Tokenizer(WordPiece({"[UNK]": 0}))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    Tokenizer.from_str(tokenizer.to_str()).encode("a")


def _obstacle(kind: OnnxPrecision, device: str) -> str | None:
    """Dynamic int8 has no CUDA kernels: its operators would run on the CPU, with a copy each."""
    if kind == "int8":
        return _NO_INT8
    return no_gpu(device) if has_cuda() else _NO_PROVIDER


def _open(
    model: Path | bytes, intra_op: int, *, compiled: bool, device: str = "cpu"
) -> ort.InferenceSession:
    """A session without spinning threads, and without plans kept for each length, which only grow.

    The arena stays on: without it two runs at once took half as much memory again.
    """
    levels = ort.GraphOptimizationLevel
    options = ort.SessionOptions()
    options.intra_op_num_threads = intra_op
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    options.log_severity_level = _QUIET
    options.graph_optimization_level = (
        levels.ORT_DISABLE_ALL if compiled else levels.ORT_ENABLE_EXTENDED
    )
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=_providers(device))


def _providers(device: str) -> list[Any]:
    """On a GPU the CPU stands by for single operators that CUDA has not.

    No TF32, which onnxruntime would choose by the size of a batch; no arena that doubles.
    """
    if device == "cpu":
        return [_CPU]
    ort.preload_dlls()
    options = {
        "device_id": number(device),
        "use_tf32": 0,
        "arena_extend_strategy": "kSameAsRequested",
    }
    return [(_CUDA, options), _CPU]


def _settled(session: ort.InferenceSession, placed: str, wanted: str) -> str:
    """Where the session computes: onnxruntime falls back to the CPU, and only warns of it."""
    if placed == "cpu" or session.get_providers()[0] == _CUDA:
        return placed
    if wanted != "auto":
        raise ModelLoadFailed(refusal(wanted, _NOT_STARTED))
    _log.warning("the model runs on the CPU: %s", _NOT_STARTED)
    return "cpu"


def _inputs(session: ort.InferenceSession) -> dict[str, Any]:
    """The integer type of each input that the graph has."""
    inputs = {entry.name: _INTEGERS.get(entry.type) for entry in session.get_inputs()}
    unknown = [name for name, kind in inputs.items() if name not in _READS or kind is None]
    if unknown:
        raise ModelLoadFailed(f"the graph has inputs that no tokenizer fills: {unknown}")
    return inputs


def _output(session: ort.InferenceSession) -> str:
    """ "logits" by name, else the first."""
    names: list[str] = [entry.name for entry in session.get_outputs()]
    return "logits" if "logits" in names else names[0]

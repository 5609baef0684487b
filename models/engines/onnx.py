"""The ONNX engine: one exported classifier, run by onnxruntime on the CPU."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from models.engines import Row
from models.errors import InferenceFailed, ModelLoadFailed

_CANARY = "A short text to see whether the model answers at all."
_INPUTS = {
    "input_ids": lambda encoding: encoding.ids,
    "attention_mask": lambda encoding: encoding.attention_mask,
    "token_type_ids": lambda encoding: encoding.type_ids,
}
_INTEGERS: dict[str, Any] = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_IDENTITY = (
    b'\x08\x08:;\n\x12\n\x01x\x12\x01y"\x08Identity:\x00\x12\x01gZ\x10\n\x01x\x12\x0b\n\t\x08\x01\x12'
    b"\x05\n\x03\x12\x01nb\x10\n\x01y\x12\x0b\n\t\x08\x01\x12\x05\n\x03\x12\x01nB\x04\n\x00\x10\x11"
)
"""The smallest ONNX graph: y = Identity(x), any number of floats."""
_QUIET = 3
_LEAST_LABELS = 2


class OnnxEngine:
    """`model.onnx`, `tokenizer.json` and, if there, `config.json` of one folder.

    Construction runs one text, so that a model that cannot answer fails here and the memory of a
    first run is part of the footprint. Raises ModelLoadFailed when graph and labels don't fit;
    what else is wrong with the files is raised by onnxruntime and tokenizers in their own words.
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
        _require(path, "model.onnx", "tokenizer.json")
        self.labels = tuple(labels)
        self.device = "cpu"
        self.batch_proof = False
        self._tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self._pad = _pad_id(path, self._tokenizer)
        self._session = _open(path / "model.onnx", intra_op, compiled=compiled)
        self._inputs = _inputs(self._session)
        self._output = _output(self._session)
        self._check_answer()

    def predict(self, texts: Sequence[str]) -> list[Row]:
        """Raises InferenceFailed for a text without tokens or an answer that is no number."""
        encodings = [self._tokenizer.encode(text) for text in texts]
        if not all(encoding.ids for encoding in encodings):
            raise InferenceFailed("the text has nothing that the model can read")
        probabilities = _softmax(self._run(encodings))
        return [
            Row(tuple(row.tolist()), len(encoding.ids), bool(encoding.overflowing))
            for row, encoding in zip(probabilities, encodings, strict=True)
        ]

    def close(self) -> None:
        """Nothing to do: the memory goes with the process."""

    def _run(self, encodings: Sequence[Encoding]) -> NDArray[np.float64]:
        """Logits, a row for each encoding; shorter ones are padded and masked."""
        width = max(len(encoding.ids) for encoding in encodings)
        feed = {}
        for name, kind in self._inputs.items():
            filler = self._pad if name == "input_ids" else 0
            feed[name] = np.full((len(encodings), width), filler, kind)
            for row, encoding in zip(feed[name], encodings, strict=True):
                row[: len(encoding.ids)] = _INPUTS[name](encoding)
        (logits,) = self._session.run([self._output], feed)
        return np.asarray(logits, np.float64)

    def _check_answer(self) -> None:
        logits = self._run([self._tokenizer.encode(_CANARY)])
        if logits.ndim != 2:  # noqa: PLR2004  # a matrix
            raise ModelLoadFailed(
                f"the output {self._output} has {logits.ndim} dimensions, not texts by labels:"
                " the graph ends without a classification head"
            )
        if logits.shape[1] < _LEAST_LABELS:
            raise ModelLoadFailed(
                "the model has a single logit; only heads with a logit for each label are served"
            )
        if logits.shape[1] != len(self.labels):
            raise ModelLoadFailed(
                f"the model answers with {logits.shape[1]} logits, but has"
                f" {len(self.labels)} labels"
            )
        _softmax(logits)


def _require(path: Path, *names: str) -> None:
    for name in names:
        if not (path / name).is_file():
            raise ModelLoadFailed(f"{name} is missing")


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


def _open(model: Path | bytes, intra_op: int, *, compiled: bool) -> ort.InferenceSession:
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
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _inputs(session: ort.InferenceSession) -> dict[str, Any]:
    """The integer type of each input that the graph has."""
    inputs = {entry.name: _INTEGERS.get(entry.type) for entry in session.get_inputs()}
    unknown = [name for name, kind in inputs.items() if name not in _INPUTS or kind is None]
    if unknown:
        raise ModelLoadFailed(f"the graph has inputs that no tokenizer fills: {unknown}")
    return inputs


def _output(session: ort.InferenceSession) -> str:
    """ "logits" by name, else the first."""
    names: list[str] = [entry.name for entry in session.get_outputs()]
    return "logits" if "logits" in names else names[0]


def _pad_id(path: Path, tokenizer: Tokenizer) -> int:
    config = path / "config.json"
    pad = json.loads(config.read_text()).get("pad_token_id") if config.is_file() else None
    if pad is None:
        pad = tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>")
    return int(pad or 0)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite(logits).all():
        raise InferenceFailed("the model's answer is not a number")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities

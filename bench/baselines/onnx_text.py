"""A classifier as one writes it with onnxruntime and tokenizers, for all who serve it here.

Baselines run in an environment of their own: they import each other, and nothing else of ours.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]
from tokenizers import Tokenizer

MAX_LENGTH = 128


class Classifier:
    """`model.onnx`, `tokenizer.json` and `config.json` of one folder.

    `lean` skips what onnxruntime would optimise while it loads: the graph is optimised already.
    """

    def __init__(self, folder: Path, intra_op: int, *, lean: bool = False) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = intra_op
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if lean:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        self.session = ort.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = {entry.name for entry in self.session.get_inputs()}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(MAX_LENGTH)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.tokenizer.enable_padding(pad_id=config.get("pad_token_id") or 0)
        labels = config["id2label"]
        self.labels = [labels[str(index)] for index in range(len(labels))]

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """All in one run, padded to the longest."""
        encodings = self.tokenizer.encode_batch(texts)
        feed = {
            "input_ids": np.array([e.ids for e in encodings], np.int64),
            "attention_mask": np.array([e.attention_mask for e in encodings], np.int64),
            "token_type_ids": np.array([e.type_ids for e in encodings], np.int64),
        }
        given = {name: value for name, value in feed.items() if name in self.inputs}
        logits = self.session.run(["logits"], given)[0]
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        rows = (powers / powers.sum(axis=-1, keepdims=True)).tolist()
        return [
            {
                "label": self.labels[row.index(max(row))],
                "probabilities": dict(zip(self.labels, row, strict=True)),
            }
            for row in rows
        ]

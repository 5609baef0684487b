"""Small models with clear answers, as trained ones have, to be quantised.

A text is harmful when one of the ALARMING words is in it; the odds are e to the 12th either way.
In between is a product with constant weights. Where it has to be hard to quantise, one number is
far greater than those that matter: an activation, which 8 bits for all activations of a run
cannot hold beside the others; or a weight, which spoils the scale of the weights around it.
"""

import importlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
from onnx import numpy_helper, parser, save_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from models.registration.calibration import calibration_texts

LABELS = ("benign", "harmful")
ALARMING = ("rules", "instructions", "policies", "directives", "limits", "Regeln", "DROP", "prompt")
_WIDTH = 64
_FAR = 40
"""A place that is not in the first 32, which share a scale with the signal in place 0."""
_HUGE = 1e5
_LEARNT = 24
"""Tokens of each text that are learnt from."""

_GRAPH = """
<ir_version: 8, opset_import: ["": 17]>
words (int64[b, s] input_ids, int64[b, s] attention_mask) => (float[b, n] logits) {
    rows = Gather(table, input_ids)
    mask = Cast<to = 1>(attention_mask)
    column = Unsqueeze(mask, last)
    kept = Mul(rows, column)
    peak = ReduceMax<axes = [1], keepdims = 0>(kept)
    shifted = Add(peak, offset)
    hidden = MatMul(shifted, first)
    active = Relu(hidden)
    votes = MatMul(active, second)
    logits = Add(votes, bias)
}
"""


def write_trained(folder: Path, hard: str = "") -> Path:
    """A folder to be registered. `hard` to quantise: "" not, "activations", or "weights"."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"pad_token_id": 0, "id2label": dict(enumerate(LABELS))}
    (folder / "config.json").write_text(json.dumps(config))
    model = parser.parse_model(_GRAPH)
    for name, value in _weights(tokenizer.get_vocab(), hard).items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    save_model(model, str(folder / "model.onnx"))
    return folder


def write_fitted(folder: Path) -> Path:
    """A transformers folder: a small BERT that was taught on the calibration set what is harmful.

    Needs torch and transformers, and some seconds.
    """
    torch, transformers = (importlib.import_module(name) for name in ("torch", "transformers"))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(3)
    torch.set_num_threads(1)
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            pad_token_id=0,
            id2label=dict(enumerate(LABELS)),
        )
    )
    tokenizer.enable_truncation(_LEARNT)
    tokenizer.enable_padding(pad_id=0)
    texts = tokenizer.encode_batch(list(calibration_texts()))
    ids = torch.tensor([text.ids for text in texts])
    mask = torch.tensor([text.attention_mask for text in texts])
    harmful = torch.tensor([tokenizer.token_to_id(word) for word in ALARMING])
    labels = torch.isin(ids, harmful).any(-1).long()
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for _ in range(12):
        for part in torch.randperm(len(ids)).split(64):
            loss = model(ids[part], mask[part], labels=labels[part]).loss
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval().save_pretrained(folder)
    return folder


def fail(**_: Any) -> None:
    """For a child to call, in place of what it should do."""
    raise MemoryError("no room")


def die(**_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _tokenizer() -> Tokenizer:
    """Of all words in the calibration set."""
    split = Whitespace().pre_tokenize_str
    words = sorted({word for text in calibration_texts() for word, _ in split(text)})
    numbers = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token="[UNK]"))  # noqa: S106  # no password
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


def _weights(vocabulary: dict[str, int], hard: str) -> dict[str, np.ndarray[Any, Any]]:
    chance = np.random.default_rng(7)
    table = chance.uniform(-0.1, 0, (len(vocabulary), _WIDTH)).astype(np.float32)
    table[[vocabulary[word] for word in ALARMING], 0] = 1
    first, second = np.zeros((_WIDTH, _WIDTH), "f4"), np.zeros((_WIDTH, 2), "f4")
    first[0, 0] = 1
    second[0] = -12, 12
    offset = np.zeros(_WIDTH, np.float32)
    if hard == "activations":
        offset[_FAR] = _HUGE
    if hard == "weights":
        first[1, 0] = _HUGE
        table[:, 1] = 0
    return {
        "table": table,
        "offset": offset,
        "first": first,
        "second": second,
        "bias": np.array([6, -6], np.float32),
        "last": np.array([2]),
    }

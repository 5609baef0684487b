"""Tiny real models: graphs that count colours, made in milliseconds.

The logit of a colour is how often its word is in the text, so every expected answer can be worked
out by hand: `expected`. Padding that is not masked counts as red, "unanswerable" makes the answer
infinite.
"""

import importlib
import json
import math
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import numpy_helper, parser, save_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from models.runner import LoadOrder

LABELS = ("red", "green", "blue")
INPUTS = ("input_ids", "attention_mask")
_WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *LABELS, "unanswerable", "forever", "a", "b", "c")

_GRAPH = """
<ir_version: 8, opset_import: ["": 17]>
colours ({inputs}) => (float[b, n] logits) {{
    rows = Gather(table, input_ids)
    {mask}
    counts = ReduceSum<keepdims = 0>(kept, words)
    {factor}
    logits = Mul(counts, factor)
}}
"""
_MASK = """
    mask = Cast<to = 1>(attention_mask)
    column = Unsqueeze(mask, last)
    kept = Mul(rows, column)
"""
_LOOP = """
    found = Equal(input_ids, word)
    number = Cast<to = 7>(found)
    any = ReduceMax<keepdims = 0>(number)
    rounds = Mul(any, endless)
    factor = Loop(rounds, yes, one) <body = round (int64 i, bool go, float x) => (bool on, float y)
        {{ on = Identity(go) y = Identity(x) }}>
"""
_FACTORS = {
    "plain": "factor = Identity(one)",
    "ballast": "factor = ReduceMin<keepdims = 0>(ballast)",
    "loop": _LOOP.format(),
    "greedy": "much = ConstantOfShape(endless_row) factor = ReduceMin<keepdims = 0>(much)",
    "headless": "factor = Unsqueeze(one, words)",
}


def write_model(folder: Path, *, inputs: Sequence[str] = INPUTS, logits: int = len(LABELS)) -> Path:
    """Fill `folder` with model, tokenizer and config; returns it."""
    return _write(folder, inputs, _table(logits), "plain")


def write_looping_model(folder: Path, word: str = "forever") -> Path:
    """Never answers a text that contains `word`."""
    return _write(folder, INPUTS, _table(len(LABELS)), "loop", {"word": _number(word)})


def write_heavy_model(folder: Path, ballast: int) -> Path:
    """With `ballast` bytes of weights in a file of their own, which every run reads."""
    weights = {"ballast": np.ones(ballast // 4, np.float32)}
    return _write(folder, INPUTS, _table(len(LABELS)), "ballast", weights)


def write_greedy_model(folder: Path) -> Path:
    """Asks for more memory with each text than there are addresses."""
    row = {"endless_row": np.array([1 << 48])}
    return _write(folder, INPUTS, _table(len(LABELS)), "greedy", row)


def write_headless_model(folder: Path) -> Path:
    """Ends with three dimensions, as an encoder without a classification head does."""
    return _write(folder, INPUTS, _table(len(LABELS)), "headless", {"one": np.ones((1, 1), "f4")})


def write_torch_model(folder: Path, *, logits: int = len(LABELS), **config: Any) -> Path:
    """A BERT of random weights in safetensors, with the words of the others; needs torch.

    They are large ones, so that answers differ between texts.
    """
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    transformers.logging.disable_progress_bar()
    sizes = {
        "vocab_size": len(_WORDS),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 66,
        "num_labels": logits,
        "initializer_range": 0.5,
    }
    torch.manual_seed(3)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**sizes | config))
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder)
    _tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def order(folder: Path, **changes: Any) -> LoadOrder:
    """What a runner is told to load the model in `folder`."""
    plain = LoadOrder(engine="onnx", path=folder, labels=LABELS, max_length=16, threads=2)
    return replace(plain, **changes)


def expected(*counts: int) -> list[float]:
    """Probabilities for a text with so many words of each colour."""
    powers = [math.exp(count) for count in counts]
    return [power / sum(powers) for power in powers]


def loaded_modules() -> list[str]:
    """What the child that calls this has imported."""
    return sorted(sys.modules)


def write_to_stderr(words: str) -> None:
    """As a library does that knows nothing of Python's streams."""
    os.write(2, f"{words}\n".encode())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    """A function that never returns, for a child to call."""
    while True:
        signal.pause()


def _write(
    folder: Path,
    inputs: Sequence[str],
    table: np.ndarray[Any, Any],
    factor: str,
    more: Mapping[str, np.ndarray[Any, Any]] | None = None,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    config = {"pad_token_id": 0, "id2label": dict(enumerate(LABELS))}
    (folder / "config.json").write_text(json.dumps(config))
    text = _GRAPH.format(
        inputs=", ".join(f"int64[b, s] {name}" for name in inputs),
        mask=_MASK if "attention_mask" in inputs else "kept = Identity(rows)",
        factor=_FACTORS[factor],
    )
    model = parser.parse_model(text)
    for name, value in (_constants() | {"table": table} | (dict(more) if more else {})).items():
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    save_model(
        model,
        str(folder / "model.onnx"),
        save_as_external_data=factor == "ballast",
        location="model.onnx.data",
    )
    return folder


def _constants() -> dict[str, np.ndarray[Any, Any]]:
    return {
        "words": np.array([1]),
        "last": np.array([2]),
        "one": np.array(1, np.float32),
        "endless": np.array(1 << 62),
        "yes": np.array(True),
    }


def _number(word: str) -> np.ndarray[Any, Any]:
    return np.array(_WORDS.index(word))


def _table(logits: int) -> np.ndarray[Any, Any]:
    table = np.zeros((len(_WORDS), logits), np.float32)
    table[_WORDS.index("[PAD]")] = np.eye(1, logits)
    for index, colour in enumerate(LABELS[:logits]):
        table[_WORDS.index(colour), index] = 1
    table[_WORDS.index("unanswerable")] = np.inf
    return table


def _tokenizer() -> Tokenizer:
    numbers = {word: number for number, word in enumerate(_WORDS)}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token="[UNK]"))  # noqa: S106  # no password
    tokenizer.pre_tokenizer = Whitespace()
    ends = [(word, numbers[word]) for word in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer

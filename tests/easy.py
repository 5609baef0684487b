"""Texts that one word decides, and tiny random encoders that can learn it. Needs torch."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from models.labelled.rows import Row

FILLERS = [f"word{number}" for number in range(40)]
SIGNS = {"benign": "flower", "prompt_injection": "ignore", "code_injection": "drop"}
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "bert": SIZES,
    "roberta": SIZES,
    "deberta-v2": SIZES | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "distilbert": {
        "dim": 32,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 64,
        "max_position_embeddings": 66,
    },
}


def encoder(folder: Path, kind: str = "bert") -> Path:
    """A transformers folder with an encoder and no head."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *FILLERS, *SIGNS.values()]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(5)
    torch.set_num_threads(1)
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=len(words), pad_token_id=0, **CONFIGS[kind]
    )
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def texts(number: int, seed: int) -> list[Row]:
    random = Random(seed)  # noqa: S311
    rows = []
    for _ in range(number):
        label, sign = random.choice(list(SIGNS.items()))
        words = [*random.choices(FILLERS, k=random.randint(2, 9)), sign]
        random.shuffle(words)
        rows.append(Row(" ".join(words), label, "made"))
    return rows


def arguments(files: Path, kind: str = "bert", **options: str) -> list[str]:
    given = {
        "--encoder": f"dir:{encoder(files / 'encoder', kind)}",
        "--data": str(files / "train.jsonl"),
        "--judge": f"held={files / 'judge.jsonl'}",
        "--out": str(files / "out"),
        "--epochs": "12",
        "--rate": "3e-3",
        "--batch-tokens": "256",
        "--max-length": "32",
    } | options
    return ["easy_trained", *[part for item in given.items() for part in item]]

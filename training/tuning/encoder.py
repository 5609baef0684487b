"""A transformers encoder with a new head, and the folder of what became of it. Needs torch."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.utils.tqdm import disable_progress_bars
from safetensors import SafetensorError
from tokenizers import Tokenizer

from models.errors import ModelError
from models.labelled.rows import DataError
from models.registration.checkpoint import write_tokenizer


@dataclass(frozen=True, slots=True)
class Encoder:
    """`pad` is the id that fills up short texts, `unknown` that of a word that is left out."""

    model: Any
    tokenizer: Tokenizer
    pad: int
    unknown: int

    def read(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, cut to the length that the encoder is trained for."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]


def open_encoder(folder: Path, labels: Sequence[str], max_length: int, seed: int) -> Encoder:
    """The encoder in `folder` with a random head for `labels`, or with the head that it has.

    Raises DataError where transformers cannot read it.
    """
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    disable_progress_bars()
    torch.manual_seed(seed)
    try:
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype="float32",
        )
        tokenizer = _tokenizer(folder)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError, ModelError) as error:
        raise DataError(f"{folder} is no encoder that can be trained: {error}") from error
    longest = min(max_length, getattr(model.config, "max_position_embeddings", max_length))
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    pad = model.config.pad_token_id or 0
    unknown = next((i for i in map(tokenizer.token_to_id, ("[UNK]", "<unk>")) if i), pad)
    return Encoder(model, tokenizer, pad, unknown)


def open_classifier(folder: Path, max_length: int) -> tuple[list[str], Encoder]:
    """Labels and all of what `scripts/train` has made. Raises DataError if it is not that."""
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is no folder of a classifier: {error}") from error
    labels = [config.id2label[index] for index in sorted(config.id2label)]
    return labels, open_encoder(folder, labels, max_length, seed=1)


def _tokenizer(folder: Path) -> Tokenizer:
    if (folder / "tokenizer.json").is_file():
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    made = folder.parent / f"{folder.name}.tokenizer"
    made.mkdir(exist_ok=True)
    try:
        write_tokenizer(folder, made)
        return Tokenizer.from_file(str(made / "tokenizer.json"))
    finally:
        shutil.rmtree(made)


def cool(model: Any, temperature: float) -> None:
    """Divide the logits by `temperature`, by dividing the weights of the last layer."""
    last = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight /= temperature
        last.bias /= temperature


def save(model: Any, tokenizer: Tokenizer, max_length: int, folder: Path) -> None:
    """As transformers has it: config, safetensors, tokenizer. In one step, in place of what was."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    model.save_pretrained(part)
    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.no_truncation()
    plain.save(str(part / "tokenizer.json"))
    settings = {"model_max_length": max_length, "tokenizer_class": "PreTrainedTokenizerFast"}
    (part / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)

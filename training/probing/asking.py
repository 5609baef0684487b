"""What a trained folder says of harmless texts. Needs torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import transformers
from numpy.typing import NDArray

from models.labelled.rows import HARMLESS, DataError
from training.tuning.encoder import open_encoder
from training.tuning.loop import logits_of

_LENGTH = 64


def attack_probabilities(folder: Path, texts: Sequence[str]) -> list[float]:
    """Of each text, that it is not harmless. Raises DataError."""
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is no folder of a classifier: {error}") from error
    labels = [config.id2label[index] for index in sorted(config.id2label)]
    if HARMLESS not in labels:
        raise DataError(f"{folder} has no class {HARMLESS}")
    encoder = open_encoder(folder, labels, _LENGTH, seed=1)
    logits: NDArray[np.float64] = logits_of(encoder.model, encoder.read(texts), encoder.pad)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    harmless = powers[:, labels.index(HARMLESS)] / powers.sum(axis=1)
    found: list[float] = (1.0 - harmless).tolist()
    return found

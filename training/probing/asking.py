"""What a trained folder says of texts. Needs torch."""

from collections.abc import Sequence
from pathlib import Path

from models.labelled.rows import HARMLESS, DataError
from models.labelled.scores import softmax
from training.tuning.encoder import open_classifier
from training.tuning.loop import logits_of

_LENGTH = 64


def attack_probabilities(folder: Path, texts: Sequence[str]) -> list[float]:
    """Of each text, that it is not harmless. Raises DataError."""
    labels, encoder = open_classifier(folder, _LENGTH)
    if HARMLESS not in labels:
        raise DataError(f"{folder} has no class {HARMLESS}")
    said = softmax(logits_of(encoder.model, encoder.read(texts), encoder.pad))
    found: list[float] = (1.0 - said[:, labels.index(HARMLESS)]).tolist()
    return found

"""What a teacher says of the texts to train on. Needs torch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from models.labelled.rows import DataError
from training.tuning.encoder import open_classifier
from training.tuning.loop import logits_of


def opinions(
    folder: Path,
    labels: Sequence[str],
    texts: Sequence[str],
    max_length: int,
    device: str,
    say: Callable[[str], None],
) -> Any:
    """The logits of the classifier in `folder`: texts x classes, float32, in the order of `labels`.

    Raises DataError where it is no classifier, or one of other classes.
    """
    own, teacher = open_classifier(folder, max_length)
    if sorted(own) != sorted(labels):
        raise DataError(f"the teacher's classes are {own}, those of the texts {list(labels)}")
    teacher.model.to(device)
    say(f"the teacher reads {len(texts)} texts …")
    logits = torch.tensor(logits_of(teacher.model, teacher.read(texts), teacher.pad))
    return logits[:, [own.index(label) for label in labels]].float()

"""What a teacher says of the texts to train on. Needs torch."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from models.labelled.rows import DataError
from training.tuning.encoder import open_encoder
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
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is no folder of a classifier: {error}") from error
    own = [config.id2label[index] for index in sorted(config.id2label)]
    if sorted(own) != sorted(labels):
        raise DataError(f"the teacher's classes are {own}, those of the texts {list(labels)}")
    teacher = open_encoder(folder, own, max_length, seed=1)
    teacher.model.to(device)
    say(f"the teacher reads {len(texts)} texts …")
    logits = torch.tensor(logits_of(teacher.model, teacher.read(texts), teacher.pad))
    return logits[:, [own.index(label) for label in labels]].float()

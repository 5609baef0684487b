"""What registration has done in a child process: a head fitted on labelled texts, and judged.

Called by name through `models.runner.run_in_child`, so arguments and results are what JSON can
say. Raises RegistrationFailed with what is wrong about the model.
"""

import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.labelled.rows import Row, read_rows
from models.labelled.scores import score, softmax
from models.registration.checkpoint import import_torch, write_tokenizer
from models.registration.heads.features import Features, compute, read_tokens
from models.registration.heads.fitting import Head, Numbers, fit
from models.registration.heads.parts import HEAD, JUDGED, PROGRESS, TRAINING
from models.registration.heads.pooling import load_encoder
from models.registration.heads.progress import Progress
from models.registration.heads.sampling import apart

_APART = 8
"""One text in so many of a label is set apart, to choose the penalty and the temperature by."""


def teach(source: str, lesson: str, labels: Sequence[str], max_length: int) -> dict[str, Any]:
    """Fit a head for the encoder in `source` on the texts in the folder `lesson`; write it there.

    Returns the `penalty`, the `temperature`, and of the judged texts `macro_f1`, `ece` and
    `classes`.
    """
    warnings.simplefilter("ignore")
    folder = Path(lesson)
    import_torch().set_num_threads(len(os.sched_getaffinity(0)))
    training, judged = (read_rows(folder / name) for name in (TRAINING, JUDGED))
    features = _features(Path(source), folder, [*training, *judged], max_length)
    # Products this small wait longer for other threads, on a busy machine, than they take.
    import_torch().set_num_threads(1)
    head = _fitted(features[: len(training)], training, labels)
    with (folder / HEAD).open("wb") as file:
        np.savez(file, weight=head.weight, bias=head.bias)
    return {
        "penalty": head.penalty,
        "temperature": head.temperature,
        **_judged(head, features[len(training) :], judged, labels),
    }


def _features(source: Path, folder: Path, rows: Sequence[Row], max_length: int) -> Features:
    write_tokenizer(source, folder)
    texts = [row.text for row in rows]
    ids = read_tokens(folder / "tokenizer.json", texts, max_length)
    encoder = load_encoder(source)
    pad = encoder.model.config.pad_token_id or 0
    return compute(encoder, ids, pad, Progress(folder / PROGRESS).told)


def _fitted(features: Features, rows: Sequence[Row], labels: Sequence[str]) -> Head:
    return fit(features, _numbers(rows, labels), np.array(apart(rows, _APART)), len(labels))


def _judged(
    head: Head, features: Features, rows: Sequence[Row], labels: Sequence[str]
) -> dict[str, Any]:
    found = score(labels, _numbers(rows, labels), softmax(head.logits(features)))
    return {
        "macro_f1": found.macro_f1,
        "ece": found.calibration.ece,
        "classes": [asdict(each) for each in found.classes],
    }


def _numbers(rows: Sequence[Row], labels: Sequence[str]) -> Numbers:
    places = {label: place for place, label in enumerate(labels)}
    return np.array([places[row.label] for row in rows], np.int64)

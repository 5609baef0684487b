"""From rows and an encoder to a folder with a calibrated classifier. Needs torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.labelled.rows import HARMLESS, Row
from models.labelled.scores import softmax
from models.labelled.temperature import best_temperature
from training.evaluating.answers import Model
from training.evaluating.figures import Figures, judge
from training.tuning.caution import lean
from training.tuning.encoder import Encoder, cool, open_encoder, save
from training.tuning.joining import joined
from training.tuning.loop import Examples, Say, logits_of, train
from training.tuning.recipe import Recipe
from training.tuning.sets import Sets
from training.tuning.teaching import opinions
from training.tuning.weighting import class_weights


@dataclass(frozen=True, slots=True)
class Trained:
    """What is in the folder. `read` counts texts, each as often as it was read; `figures` are those
    of each judged set, in fp32.
    """

    folder: Path
    labels: tuple[str, ...]
    read: int
    temperature: float
    figures: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Origins:
    """The folder of the encoder, that of a classifier to learn from if any, and the device."""

    encoder: Path
    teacher: Path | None
    device: str


def make(
    origins: Origins,
    sets: Sets,
    labels: tuple[str, ...],
    recipe: Recipe,
    target: Path,
    say: Say,
) -> Trained:
    """Fine-tune the encoder and save it to `target`. Raises DataError."""
    encoder = open_encoder(origins.encoder, labels, recipe.max_length, recipe.seed)
    encoder.model.to(origins.device)
    rows = [*sets.training, *joined(sets.training, recipe.joined, recipe.seed)]
    say(f"{len(rows)} texts to train on, {len(sets.apart)} kept apart")
    examples = _examples(encoder, rows, labels, origins, recipe, say)
    model, read = train(encoder.model, examples, encoder.pad, encoder.unknown, recipe, say)
    wanted = np.array([labels.index(row.label) for row in sets.apart])
    temperature = best_temperature(_logits(model, encoder, sets.apart), wanted)
    say(f"temperature {temperature:.2f}")
    cool(model, temperature)
    if HARMLESS in labels:
        lean(model, labels.index(HARMLESS), recipe.caution)
    save(model, encoder.tokenizer, recipe.max_length, target)
    known = Model(target.name, labels, HARMLESS if HARMLESS in labels else None)
    figures = {
        name: judge(known, rows, softmax(_logits(model, encoder, rows)))
        for name, rows in sets.judged.items()
    }
    return Trained(target, labels, read, temperature, figures)


def _examples(
    encoder: Encoder,
    rows: Sequence[Row],
    labels: tuple[str, ...],
    origins: Origins,
    recipe: Recipe,
    say: Say,
) -> Examples:
    texts = [row.text for row in rows]
    classes = [labels.index(row.label) for row in rows]
    weights = class_weights(rows, labels)
    taught = None
    if origins.teacher is not None:
        taught = opinions(origins.teacher, labels, texts, recipe.max_length, origins.device, say)
    return Examples(encoder.read(texts), classes, [weights[c] for c in classes], taught)


def _logits(model: Any, encoder: Encoder, rows: Sequence[Row]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = logits_of(
        model, encoder.read([row.text for row in rows]), encoder.pad
    )
    return found

"""The training itself: batches in, an averaged model out. Needs torch."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel

from models.registration.heads.features import padded
from training.tuning.batching import batches
from training.tuning.distilling import distance
from training.tuning.recipe import Recipe

Say = Callable[[str], None]

_HEAD = "classifier"
_HEAD_RATE = 10.0
_CLIP = 1.0
_TELL = 20.0
"""Seconds between two lines of progress."""

_COLDEST = 1e-3
"""The least part of the highest learning rate."""

_MEAN = 50
"""Steps over which the loss that is told is averaged."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Tokens of each text, its class as an index, and how much it counts.

    `taught` are a teacher's logits, texts x classes, or None.
    """

    ids: Sequence[Sequence[int]]
    classes: Sequence[int]
    weights: Sequence[float]
    taught: Any = None


def train(
    model: Any, examples: Examples, pad: int, unknown: int, recipe: Recipe, say: Say
) -> tuple[Any, int]:
    """The moving average of `model`'s weights, as a model like it, and how many texts were read.

    `model` itself is changed.

    Runs on the device on which `model` is.
    """
    torch.manual_seed(recipe.seed)
    steps = _steps(examples, recipe)
    optimiser = torch.optim.AdamW(_groups(model, recipe), fused=True)
    average = AveragedModel(model, multi_avg_fn=_mean_of_the_last(recipe.averaging))
    progress = _Progress(say, recipe, next(steps))
    for batch in steps:
        _heat(optimiser, recipe, progress.part)
        loss = _step(model, optimiser, examples, batch, (pad, unknown), recipe)
        average.update_parameters(model)
        progress.tell(loss, len(batch))
        if progress.part >= 1.0:
            break
    progress.end()
    return average.module, progress.texts


class _Progress:
    """How far the training is, of its steps or of its time, whichever ends first."""

    def __init__(self, say: Say, recipe: Recipe, total: int) -> None:
        self._say = say
        self._seconds = math.inf if recipe.minutes is None else recipe.minutes * 60
        self._total = total
        self._began = self._told = time.monotonic()
        self._steps = self.texts = 0
        self._loss = 0.0

    @property
    def part(self) -> float:
        """0 at the beginning, 1 or more at the end."""
        passed = time.monotonic() - self._began
        return max(self._steps / self._total, passed / self._seconds)

    def tell(self, loss: float, texts: int) -> None:
        """A step is done."""
        self._steps += 1
        self.texts += texts
        self._loss += (loss - self._loss) / min(self._steps, _MEAN)
        now = time.monotonic()
        if now - self._told < _TELL:
            return
        self._told = now
        passed, part = now - self._began, self.part
        self._say(
            f"{part:.0%}: loss {self._loss:.3f}, {self.texts / passed:.0f} texts/s,"
            f" {passed / 60 * (1 / part - 1):.1f} minutes left"
        )

    def end(self) -> None:
        minutes = (time.monotonic() - self._began) / 60
        self._say(f"trained on {self.texts} texts in {minutes:.1f} minutes")


def _mean_of_the_last(decay: float) -> Callable[[Any, Any, Any], None]:
    """An exponential moving average that soon forgets the weights from before the training.

    Of all weights at once, in place: one by one it took an eighth of the training of a small model.
    """

    def averaged(means: Any, now: Any, number: Any) -> None:
        keep = min(decay, (1 + float(number)) / (10 + float(number)))
        torch._foreach_lerp_(means, now, 1 - keep)  # as swa_utils' own has it

    return averaged


def _steps(examples: Examples, recipe: Recipe) -> Iterator[Any]:
    """First how many steps there are in all; then batches, one epoch after another, without end."""
    lengths, random = [len(ids) for ids in examples.ids], Random(recipe.seed)  # noqa: S311
    made = batches(lengths, recipe.batch_tokens, random)
    yield max(1, math.ceil(len(made) * recipe.epochs))
    while True:
        yield from made
        made = batches(lengths, recipe.batch_tokens, random)


def _heat(optimiser: Any, recipe: Recipe, part: float) -> None:
    """Learning rates: up to the highest, then down to nothing at the end of the training."""
    up, down = part / recipe.warmup, (1.0 - part) / (1.0 - recipe.warmup)
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * max(_COLDEST, min(up, down))


def _step(
    model: Any,
    optimiser: Any,
    examples: Examples,
    batch: Sequence[int],
    fillers: tuple[int, int],
    recipe: Recipe,
) -> float:
    """One update; the loss."""
    pad, unknown = fillers
    ids, mask = padded([examples.ids[index] for index in batch], pad, model.device)
    if recipe.word_dropout:
        ids = _forgotten(ids, mask, recipe.word_dropout, unknown)
    wanted = torch.tensor([examples.classes[index] for index in batch], device=model.device)
    weight = torch.tensor([examples.weights[index] for index in batch], device=model.device)
    model.train()
    logits = model(input_ids=ids, attention_mask=mask).logits
    each = cross_entropy(logits, wanted, reduction="none", label_smoothing=recipe.smoothing)
    if examples.taught is not None:
        far = distance(logits, examples.taught[list(batch)].to(model.device))
        each = (1 - recipe.taught) * each + recipe.taught * far
    loss = (each * weight).sum() / weight.sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def _forgotten(ids: Any, mask: Any, part: float, unknown: int) -> Any:
    """Some tokens replaced, so that no single word decides; the first and last stay."""
    inner = mask.bool() & torch.roll(mask, -1, dims=1).bool()
    inner[:, 0] = False
    drop = (torch.rand(ids.shape, device=ids.device) < part) & inner
    return ids.masked_fill(drop, unknown)


def _groups(model: Any, recipe: Recipe) -> list[dict[str, Any]]:
    """No decay for biases and norms; a higher rate for the new head."""
    groups: dict[tuple[bool, bool], list[Any]] = {}
    for name, parameter in model.named_parameters():
        plain = parameter.ndim > 1
        groups.setdefault((name.startswith(_HEAD), plain), []).append(parameter)
    return [
        {
            "params": parameters,
            "highest": recipe.rate * (_HEAD_RATE if head else 1.0),
            "weight_decay": recipe.decay if plain else 0.0,
        }
        for (head, plain), parameters in groups.items()
    ]


def logits_of(model: Any, ids: Sequence[Sequence[int]], pad: int, tokens: int = 4096) -> Any:
    """Of each text, in order: texts x classes, as a numpy array of doubles."""
    model.eval()
    lengths = [len(row) for row in ids]
    found: dict[int, Any] = {}
    with torch.inference_mode():
        for batch in batches(lengths, tokens, Random(0)):  # noqa: S311
            inputs, mask = padded([ids[index] for index in batch], pad, model.device)
            logits = model(input_ids=inputs, attention_mask=mask).logits.double().cpu()
            found |= dict(zip(batch, logits, strict=True))
    return torch.stack([found[index] for index in range(len(ids))]).numpy()

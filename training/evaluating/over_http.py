"""Answers of a model that a running service serves, asked over HTTP as any client does."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any
from urllib.parse import SplitResult, quote

import numpy as np

from models.catalogue import parse_ref
from models.spec import harmless_label
from models.versions import key_of
from training.evaluating.answers import Answers, Model, Progress, sample
from training.evaluating.errors import EvaluationError
from training.evaluating.line import Line, Patience

_BATCH_TEXTS, _BATCH_BYTES = 16, 200_000
"""A batch should be answered well before the service's deadline, and fit its limit of a body."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts to be asked together; the first of them is number `first`, from 0."""

    first: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """Of one text: a probability for each label, in the model's order."""

    probabilities: tuple[float, ...]
    truncated: bool


def answers(
    url: SplitResult,
    name: str,
    texts: Sequence[str],
    check: Callable[[Model], None],
    progress: Progress,
    *,
    concurrency: int = 4,
    patience: Patience | None = None,
    token: str | None = None,
) -> Answers:
    """Of "name" or "name:version"; `check` sees the model before any text is sent, and may raise.

    At most `concurrency` batches are under way; the prediction cache is not used. All is asked of
    the version that the name stands for at the beginning. Raises EvaluationError, and
    ModelNotFound for what cannot be a name.
    """
    with _lines(url, concurrency, patience or Patience(), token) as lines:
        model = _model(lines[0], name)
        check(model)
        began = time.perf_counter()
        said = _all(lines, model, texts, progress)
        seconds = time.perf_counter() - began
        return Answers(
            model=model,
            probabilities=np.array([each.probabilities for each in said]),
            truncated=sum(each.truncated for each in said),
            seconds=seconds,
            at_once=concurrency,
            latencies=_latencies(lines[0], model, sample(texts), progress),
        )


@contextmanager
def _lines(
    url: SplitResult, number: int, patience: Patience, token: str | None
) -> Iterator[tuple[Line, ...]]:
    lines = tuple(Line(url, patience, token) for _ in range(number))
    try:
        yield lines
    finally:
        for line in lines:
            line.close()


def _model(line: Line, name: str) -> Model:
    """What `/models/NAME` says of it."""
    info = line.ask("GET", f"/models/{quote(name, safe='')}").body.get("model_info")
    if not isinstance(info, dict) or not isinstance(info.get("labels"), list):
        raise EvaluationError(f"the service does not say which labels {name} has: is it another?")
    version, labels = info.get("version"), info["labels"]
    if not isinstance(version, str):
        raise EvaluationError(
            f"{name} is known to the service, but not registered with it; register it with:"
            f" scripts/register {name}"
        )
    if not labels or not all(isinstance(label, str) for label in labels):
        raise EvaluationError(f"the service says that {name} has no labels: is it another?")
    key = key_of(parse_ref(name).name, version)
    return Model(key, tuple(labels), harmless_label(labels, None))


def batches(texts: Sequence[str]) -> Iterator[Batch]:
    """All texts in order, each batch within both limits, unless it is one text alone."""
    first, size = 0, 0
    for number, text in enumerate(texts):
        more = len(json.dumps(text))
        if number > first and (number - first >= _BATCH_TEXTS or size + more > _BATCH_BYTES):
            yield Batch(first, tuple(texts[first:number]))
            first, size = number, 0
        size += more
    if texts:
        yield Batch(first, tuple(texts[first:]))


def _all(
    lines: Sequence[Line], model: Model, texts: Sequence[str], progress: Progress
) -> list[Said]:
    """At the first failure, or when interrupted, everything that is under way is cut."""
    free: SimpleQueue[Line] = SimpleQueue()
    for line in lines:
        free.put(line)
    said: dict[int, Said] = {}
    pool = ThreadPoolExecutor(len(lines))
    try:
        asked = {pool.submit(_batch, free, model, batch): batch for batch in batches(texts)}
        for future in as_completed(asked):
            said |= enumerate(future.result(), asked[future].first)
            progress("texts read", len(said), len(texts))
    except BaseException:
        for line in lines:
            line.cut()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return [said[place] for place in range(len(texts))]


def _batch(free: SimpleQueue[Line], model: Model, batch: Batch) -> list[Said]:
    line = free.get()
    try:
        content = {"texts": batch.texts, "model_name": model.name, "cache": False}
        results = line.ask("POST", "/predict/batch", content).body.get("results")
    except EvaluationError as error:
        last = batch.first + len(batch.texts)
        raise EvaluationError(f"texts {batch.first + 1} to {last}: {error}") from error
    finally:
        free.put(line)
    if not isinstance(results, list) or len(results) != len(batch.texts):
        raise EvaluationError("the service did not answer each text of a batch: is it another?")
    return [_said(model, text, each) for text, each in zip(batch.texts, results, strict=True)]


def _latencies(
    line: Line, model: Model, texts: Sequence[str], progress: Progress
) -> tuple[float, ...]:
    found = []
    for text in texts:
        content = {"text": text, "model_name": model.name, "cache": False}
        reply = line.ask("POST", "/predict", content)
        _said(model, text, reply.body)
        found.append(reply.seconds)
        progress("texts timed", len(found), len(texts))
    return tuple(found)


def _said(model: Model, text: str, result: object) -> Said:
    """Raises EvaluationError where `result` is no prediction of `model` for `text`."""
    found = result.get("probabilities") if isinstance(result, Mapping) else None
    if not isinstance(result, Mapping) or not isinstance(found, dict):
        raise EvaluationError("what the service answered is no prediction: is it another?")
    if result.get("text") != text:
        raise EvaluationError("the service answered another text than the one it was asked")
    if set(found) != set(model.labels) or not all(map(_is_probability, found.values())):
        raise EvaluationError(
            f"the service did not answer with a probability for each label of {model.name}"
        )
    return Said(tuple(found[label] for label in model.labels), result.get("truncated") is True)


def _is_probability(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1

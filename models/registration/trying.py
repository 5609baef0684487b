"""A new entry, loaded once as it will be loaded, to see that it works and to measure it."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from models.errors import InferenceFailed, ModelError, RegistrationFailed
from models.registration.calibration import calibration_texts
from models.registration.choosing import Made
from models.registration.plan import Plan
from models.registration.workshop import Workshop
from models.runner import Answer, LoadOrder, Runner

TRIAL_TIMEOUT = 300.0
"""Seconds for the load, and for each text. Models take a small part of that; machines differ."""

ENGINES = {"onnx": "onnx", "transformers": "pytorch"}
"""What the catalogue calls an engine, and what a stored model does: the documented type."""

_SPREAD = 8
"""Every eighth text of the calibration set: enough to touch embeddings all over the table."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Bytes held after reading, and the seconds until it was loaded."""

    footprint: int
    load_seconds: float


async def try_out(plan: Plan, made: Made, workshop: Workshop) -> Trial:
    """Load `made`, have it read, and measure both. Raises RegistrationFailed.

    As many texts are read at once as will be: each run has a workspace of its own. They are as
    long as the model reads, and of many words, for each new one touches pages of the embeddings.
    """
    order = LoadOrder(
        engine=ENGINES[plan.spec.engine],
        path=made.path,
        labels=plan.labels,
        max_length=plan.max_length,
        threads=len(os.sched_getaffinity(0)),
        compiled=True,
        device=plan.spec.device or "cpu",
        harmless=plan.harmless,
    )
    try:
        async with workshop.step("Loading it once, to measure") as done:
            trial = await _measure(order, workshop)
            done(f"Loaded and read: {trial.footprint / 1e6:.1f} MB")
    except ModelError as error:
        raise RegistrationFailed(f"{plan.spec.name} does not work: {error}") from error
    return trial


async def _measure(order: LoadOrder, workshop: Workshop) -> Trial:
    forkserver = await workshop.forkserver.of(order.engine)
    began = time.monotonic()
    runner = await Runner.start(forkserver, order, timeout=TRIAL_TIMEOUT)
    load_seconds = time.monotonic() - began
    try:
        for answer in await _read(runner, _long_texts(order.max_length, order.threads)):
            if isinstance(answer, InferenceFailed):
                raise answer
        await _read(runner, calibration_texts()[::_SPREAD])
        return Trial(await runner.measure(), load_seconds)
    finally:
        await runner.close()


async def _read(runner: Runner, texts: Sequence[str]) -> list[Answer | InferenceFailed]:
    """All at once, each a run of its own."""
    answers = await asyncio.gather(
        *(runner.predict([text], timeout=TRIAL_TIMEOUT) for text in texts)
    )
    return [answer for [answer] in answers]


def _long_texts(max_length: int, count: int) -> list[str]:
    """A word for each token that the model reads, and other words in each text."""
    words = " ".join(calibration_texts()).split()
    starts = range(0, len(words), -(-len(words) // count))
    return [" ".join(islice(cycle(words), start, start + max_length)) for start in starts]

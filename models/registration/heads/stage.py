"""The step of a registration that gives an encoder its head: fitted, judged, and let in or not."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.labelled.rows import write_rows
from models.registration.heads.floor import FLOOR, check_floor, figures
from models.registration.heads.lesson import Lesson
from models.registration.heads.parts import HEAD, JUDGED, POOLING, PROGRESS, TRAINING
from models.registration.heads.progress import Watcher
from models.registration.plan import Plan
from models.registration.workshop import Workshop
from models.spec import FittedHead, HeadClass

TEACH_TIMEOUT = 7200.0
"""Seconds. 12,000 texts of full length in a base-size encoder on two cores take no longer."""

_TEACH = "models.registration.heads.teaching:teach"
_LOOK = 0.5
"""Seconds between two looks at how far the child is."""


@dataclass(frozen=True, slots=True)
class Taught:
    """`path` is the file of the head's weights."""

    path: Path
    head: FittedHead


async def fit_head(
    plan: Plan, lesson: Lesson, folder: Path, workshop: Workshop, *, force: bool
) -> Taught:
    """For the encoder in `folder`/source. Raises RegistrationFailed, also where the head is worth
    too little and that is not `force`d.
    """
    place = folder / "lesson"
    await asyncio.to_thread(_write, lesson, place)
    texts = len(lesson.training) + len(lesson.judged)
    async with workshop.step(f"Reading {texts:,} texts, to fit a head") as done:
        async with _told(place / PROGRESS, workshop):
            made: dict[str, Any] = await workshop.do(
                _TEACH,
                TEACH_TIMEOUT,
                source=folder / "source",
                lesson=place,
                labels=list(lesson.labels),
                max_length=plan.max_length,
            )
        done(f"Fitted a head on {len(lesson.training):,} texts")
    head = _described(plan, lesson, made)
    workshop.say(f"The head: {figures(head)}.")
    check_floor(head, force=force)
    return Taught(place / HEAD, head)


def _write(lesson: Lesson, place: Path) -> None:
    place.mkdir()
    write_rows(place / TRAINING, lesson.training)
    write_rows(place / JUDGED, lesson.judged)


@asynccontextmanager
async def _told(progress: Path, workshop: Workshop) -> AsyncIterator[None]:
    """What the child writes to `progress` is said while the block lasts."""
    watching = asyncio.create_task(_watch(Watcher(progress), workshop))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(watcher: Watcher, workshop: Workshop) -> None:
    while True:
        await asyncio.sleep(_LOOK)
        if line := watcher.line():
            workshop.say(line)


def _described(plan: Plan, lesson: Lesson, made: Mapping[str, Any]) -> FittedHead:
    """With the labels as they are served."""
    served = dict(zip(lesson.labels, plan.labels, strict=True))
    classes = tuple(HeadClass(**{**c, "label": served[c["label"]]}) for c in made["classes"])
    return FittedHead(
        data=lesson.data.name,
        data_digest=lesson.data.digest,
        rows=len(lesson.training),
        available=lesson.data.rows,
        judge=lesson.judge.name,
        judge_digest=lesson.judge.digest,
        judged=len(lesson.judged),
        macro_f1=made["macro_f1"],
        ece=made["ece"],
        classes=classes,
        floor=FLOOR,
        forced=made["macro_f1"] < FLOOR,
        pooling=POOLING,
        penalty=made["penalty"],
        temperature=made["temperature"],
    )

"""The precision of an ONNX model: the smallest that keeps the answers of the fp32 graph.

Memory goes before speed: what fits need not be loaded again. int8 has both: on real models a
quarter of the size, and without VNNI 1.6 to 1.9 times the texts a second of fp32. int8-weights is
little larger, but has three quarters of fp32's texts a second there.
"""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models.errors import RegistrationFailed
from models.registration.calibration import TEXTS
from models.registration.parity import Answer, compare, disagreement, indecision
from models.registration.plan import Plan
from models.registration.workshop import Workshop, megabytes
from models.spec import FittedHead, Parity

QUANTISE_TIMEOUT = 900.0
ANSWER_TIMEOUT = 1800.0
"""Seconds. Models of this kind take a small part of that; machines differ."""

_QUANTISE = "models.registration.quantising:quantise"
_ANSWER = "models.registration.calibrating:answer_calibration"

FP32_GRAPH = "the fp32 graph"
"""What the answers of a graph that was quantised here are compared with."""

_SMALLEST_FIRST = ("int8", "int8-weights")
_ON_GPU = "it is for the CPU, and the catalogue has the model run on a GPU"


@dataclass(frozen=True, slots=True)
class Made:
    """A folder that can be loaded: its `files`, and how it was arrived at. See `Compiled`.

    `export` is what `export_torch` told, where it had to be exported. `first_token_only`: of the
    last layer it has what the first token needs. `head` was fitted here, None where the model came
    with its own.
    """

    path: Path
    precision: str
    files: tuple[str, ...]
    parity: Parity | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    export: Mapping[str, Any] | None = None
    first_token_only: bool = False
    head: FittedHead | None = None


async def choose(
    plan: Plan, plain: Made, source: Path, whole: Path | None, workshop: Workshop
) -> Made:
    """`plain`, or `source` (its graph before it was optimised) quantised, beside it.

    Answers are compared with those of `whole`, where the graph was pruned, else of `plain`.
    Where the catalogue leaves the choice ("auto"), whatever goes wrong with a precision is said
    and the next one is tried, fp32 at last. Raises RegistrationFailed where it asks for one that
    the model does not have, or that changes answers.
    """
    asked = plan.spec.precision
    if plain.precision != "fp32" and asked not in {"auto", plain.precision}:
        raise RegistrationFailed(
            f"it is {plain.precision}, but {asked} is asked for; set precision ="
            ' "auto", or register the fp32 model'
        )
    if plain.precision != "fp32" or asked == "fp32":
        return plain
    compared = plain if whole is None else replace(plain, path=whole)
    if asked != "auto":
        reference = await _answers(plan, compared, workshop)
        try:
            return await _quantised(plan, asked, source, reference, workshop)
        except RegistrationFailed as error:
            raise RegistrationFailed(f"as {asked}, {error}") from error
    return await _smallest(plan, plain, source, compared, workshop)


async def _smallest(
    plan: Plan, plain: Made, source: Path, compared: Made, workshop: Workshop
) -> Made:
    if (plan.spec.device or "").startswith("cuda"):
        return _stay(plain, _ON_GPU, workshop)
    try:
        reference = await _answers(plan, compared, workshop)
    except RegistrationFailed as error:
        return _stay(plain, str(error), workshop)
    if doubt := indecision(reference):
        return _stay(plain, doubt, workshop)
    refused: dict[str, str] = {}
    for precision in _SMALLEST_FIRST:
        try:
            made = await _quantised(plan, precision, source, reference, workshop)
        except RegistrationFailed as error:
            refused[precision] = str(error)
            workshop.say(f"Not {precision}: {error}.")
        else:
            return replace(made, refused=refused)
    return replace(plain, refused=refused)


def _stay(plain: Made, why: str, workshop: Workshop) -> Made:
    workshop.say(f"It stays fp32: {why}.")
    return replace(plain, refused=dict.fromkeys(_SMALLEST_FIRST, why))


async def _answers(plan: Plan, made: Made, workshop: Workshop) -> Sequence[Answer]:
    """To the calibration set."""
    async with workshop.step(f"Reading {TEXTS} texts in {made.precision}, to compare") as done:
        answers: list[Answer] = await workshop.do(
            _ANSWER,
            ANSWER_TIMEOUT,
            path=made.path,
            labels=list(plan.labels),
            max_length=plan.max_length,
        )
        known = sum(answer is not None for answer in answers)
        done(f"{known} answered")
    if not known:
        raise RegistrationFailed("none of the texts to compare with can be read")
    return answers


async def _quantised(
    plan: Plan, precision: str, source: Path, reference: Sequence[Answer], workshop: Workshop
) -> Made:
    """Raises RegistrationFailed with the figures where answers would change."""
    path = source.with_name(precision)
    async with workshop.step(f"Quantising to {precision}") as done:
        told = await workshop.do(
            _QUANTISE, QUANTISE_TIMEOUT, source=source, target=path, precision=precision
        )
        made = Made(path, precision, tuple(told["files"]))
        done(f"Quantised: {megabytes(path, made.files)}")
    parity = compare(reference, await _answers(plan, made, workshop), FP32_GRAPH)
    if why := disagreement(parity):
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        raise RegistrationFailed(why)
    workshop.say(
        f"{parity.agreement:.2%} of the labels stay; a probability moves by"
        f" {parity.largest_shift:.2g} at most."
    )
    return replace(made, parity=parity)

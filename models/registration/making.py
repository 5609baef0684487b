"""From a source to a folder that can be loaded: exported, optimised, quantised, step by step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from models.errors import RegistrationFailed
from models.registration.checkpoint import missing_packages
from models.registration.choosing import Made, choose
from models.registration.heads.stage import Taught, fit_head
from models.registration.plan import Plan
from models.registration.workshop import Workshop, megabytes
from models.spec import Parity

EXPORT_TIMEOUT = 1800.0
PRUNE_TIMEOUT = 900.0
OPTIMISE_TIMEOUT = 900.0
COPY_TIMEOUT = 900.0
"""Seconds. Models of this kind take a small part of that; machines differ."""

_EXPORT = "models.registration.exporting:export_torch"
_PRUNE = "models.registration.pruning:prune_first_token"
_OPTIMISE = "models.registration.compiling:optimise"
_COPY = "models.registration.copying:copy_torch"


class TorchNeeded(RegistrationFailed):
    """The source is for torch, and the torch extra is not installed."""


async def make(plan: Plan, folder: Path, workshop: Workshop, *, force: bool = False) -> Made:
    """Of `folder`/source, in folders beside it. Raises RegistrationFailed.

    `force`: also with a fitted head that is worth too little.
    """
    try:
        return await _make(plan, folder, workshop, force=force)
    except TorchNeeded:
        raise
    except RegistrationFailed as error:
        raise RegistrationFailed(f"{plan.spec.name} cannot be registered: {error}") from error


async def _make(plan: Plan, folder: Path, workshop: Workshop, *, force: bool) -> Made:
    if plan.spec.engine == "transformers":
        return await _copy(plan, folder, workshop)
    source, export, taught = folder / "source", None, None
    if plan.found.folder.kind != "onnx":
        _require_torch(plan, exporting=True)
        if plan.lesson is not None:
            taught = await fit_head(plan, plan.lesson, folder, workshop, force=force)
        source = folder / "exported"
        export = await _export(plan, folder / "source", source, taught, workshop)
    graph = await _prune(plan, source, folder / "pruned", workshop)
    whole = None if graph == source else source
    plain = await _optimise(plan, graph, folder / "fp32", whole, workshop)
    made = await choose(plan, plain, graph, whole, workshop)
    head = None if taught is None else taught.head
    return replace(made, export=export, first_token_only=whole is not None, head=head)


async def _copy(plan: Plan, folder: Path, workshop: Workshop) -> Made:
    _require_torch(plan, exporting=False)
    async with workshop.step("Checking the model with torch") as done:
        made = await workshop.do(
            _COPY,
            COPY_TIMEOUT,
            source=folder / "source",
            target=folder / "torch",
            max_length=plan.max_length,
        )
        done(f"Checked: {made['precision']}, {megabytes(folder / 'torch', made['files'])}")
    if plan.spec.precision not in {"auto", made["precision"]}:
        raise RegistrationFailed(
            f"it is {made['precision']}, but {plan.spec.precision} is asked for;"
            ' set precision = "auto"'
        )
    return Made(folder / "torch", made["precision"], tuple(made["files"]))


async def _export(
    plan: Plan, source: Path, target: Path, taught: Taught | None, workshop: Workshop
) -> dict[str, Any]:
    async with workshop.step("Exporting to ONNX with torch; this takes a minute or so") as done:
        about: dict[str, Any] = await workshop.do(
            _EXPORT,
            EXPORT_TIMEOUT,
            source=source,
            target=target,
            max_length=plan.max_length,
            **({} if taught is None else {"head": taught.path, "labels": list(plan.labels)}),
        )
        done(
            f"Exported by torch's {about['exporter']} exporter: {megabytes(target, about['files'])}"
        )
    return about


async def _prune(plan: Plan, source: Path, target: Path, workshop: Workshop) -> Path:
    """`target`, or `source` where it cannot be done; whatever is wrong, others will tell."""
    async with workshop.step("Pruning the graph") as done:
        try:
            made: dict[str, Any] = await workshop.do(
                _PRUNE, PRUNE_TIMEOUT, source=source, target=target, max_length=plan.max_length
            )
            kept = made["kept"]
        except RegistrationFailed as error:
            kept = str(error)
        if kept is not None:
            done(f"Not pruned: {kept}")
            return source
        done("Pruned: the last layer is for the first token alone")
    return target


async def _optimise(
    plan: Plan, source: Path, target: Path, whole: Path | None, workshop: Workshop
) -> Made:
    async with workshop.step("Optimising the graph") as done:
        made: dict[str, Any] = await workshop.do(
            _OPTIMISE,
            OPTIMISE_TIMEOUT,
            source=source,
            target=target,
            labels=list(plan.labels),
            max_length=plan.max_length,
            whole=whole,
        )
        done(f"Optimised: {made['precision']}, {megabytes(target, made['files'])}")
    parity = Parity(1.0, made["shift"], made["texts"], "the graph before it was optimised")
    return Made(target, made["precision"], tuple(made["files"]), parity)


def _require_torch(plan: Plan, *, exporting: bool) -> None:
    if missing := missing_packages(exporting=exporting):
        what = "be exported by torch first" if exporting else "be run by torch"
        raise TorchNeeded(
            f"{plan.spec.name} must {what}, which is not installed"
            f" (missing: {', '.join(missing)}); that is the extra named torch"
        )

"""Puts a model into the store: compiled once and tried, so that every later load is cheap.

Everything heavy happens in children of the fork server; files are copied and hashed in threads.
The store changes in the last step alone, so a failure or an interruption leaves it as it was.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from models.card import Card
from models.catalogue import Catalogue
from models.errors import ModelError, ModelLoadFailed, RegistrationFailed
from models.forkserver import ForkServer
from models.integrity import file_digest
from models.registration.exporting import missing_packages
from models.registration.plan import (
    RECIPE,
    Plan,
    choose_spec,
    embedded_digests,
    onnxruntime_version,
    plan_for,
    take_in,
)
from models.registration.sources import resolve
from models.runner import LoadOrder, Runner, run_in_child
from models.spec import StoredModel
from models.staging import told
from models.store import ModelStore

Say = Callable[[str], None]

_EXPORT = "models.registration.exporting:export_torch"
_OPTIMISE = "models.registration.compiling:optimise"
"""What children of the fork server do."""

EXPORT_TIMEOUT = 1800.0
OPTIMISE_TIMEOUT = 900.0
TRIAL_TIMEOUT = 120.0
"""Seconds. Models of this kind take a small part of that; machines differ."""

_WORD = "text "


class TorchNeeded(RegistrationFailed):
    """The source must be exported first, and the torch extra is not installed."""


async def register(
    name: str,
    source: str | None,
    *,
    store: ModelStore,
    forkserver: ForkServer,
    catalogue: Catalogue,
    progress: Say,
) -> StoredModel:
    """Register `name` from `source`, by default from where the catalogue says.

    What is registered already with the same content only becomes the newest version again.
    Raises RegistrationFailed; TorchNeeded where the torch extra would help.
    """
    spec = choose_spec(name, source, catalogue)
    found = await asyncio.to_thread(resolve, spec.origin, progress)
    with told(store.path):
        async with _staging(store) as folder:
            plan = await asyncio.to_thread(take_in, spec, found, folder / "source")
            stored = await asyncio.to_thread(_present, store, plan)
            if stored is not None:
                progress(f"{name}:{stored.version} is registered already.")
                return stored
            compiled = await _compile(plan, folder, forkserver, progress)
            card = await _try_out(plan, folder / "entry", compiled, forkserver, progress)
            stored = await asyncio.to_thread(store.add, folder / "entry", card)
    progress(
        f"Registered {name}:{stored.version}: {stored.precision}, {stored.size / 1e6:.1f} MB on"
        f" disk, {stored.footprint / 1e6:.1f} MB loaded, in {stored.load_seconds:.2f} s."
    )
    return stored


async def ensure_embedded(
    store: ModelStore, forkserver: ForkServer, catalogue: Catalogue, progress: Say
) -> StoredModel:
    """The default model as it stands in the store; registered first where it is not there.

    Where it is, nothing is copied or compiled: the digests come with the project. A model of
    one's own that was registered under its name stays in its place.
    """
    spec = catalogue.embedded
    newest = await asyncio.to_thread(store.find, spec.name)
    if newest is not None and newest.source != spec.source:
        return newest
    found = await asyncio.to_thread(resolve, spec.origin, progress)
    plan = plan_for(spec, found, embedded_digests())
    stored = await asyncio.to_thread(_present, store, plan)
    if stored is not None:
        return stored
    progress(f"Registering {spec.name}, which ships with the project …")
    return await register(
        spec.name,
        None,
        store=store,
        forkserver=forkserver,
        catalogue=Catalogue({**catalogue.specs, spec.name: spec}),
        progress=progress,
    )


def _present(store: ModelStore, plan: Plan) -> StoredModel | None:
    """The sound entry with the plan's content, made the newest of its name."""
    stored = store.find(plan.spec.name, plan.version)
    if stored is None:
        return None
    try:
        store.verify(stored)
    except ModelLoadFailed:
        return None
    return store.renew(stored)


@asynccontextmanager
async def _staging(store: ModelStore) -> AsyncIterator[Path]:
    context = store.staging()
    folder = await asyncio.to_thread(context.__enter__)
    try:
        yield folder
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


async def _compile(plan: Plan, folder: Path, forkserver: ForkServer, say: Say) -> dict[str, Any]:
    """Fill `folder`/entry from `folder`/source; returns what was found out on the way."""
    source, details = folder / "source", {}
    if plan.found.folder.kind == "transformers":
        if missing := missing_packages():
            raise TorchNeeded(
                f"{plan.spec.name} must be exported by torch first, which is not installed"
                f" (missing: {', '.join(missing)}); that is the extra named torch"
            )
        say("Exporting to ONNX with torch; this takes a minute or so …")
        details["export"] = await _child(
            forkserver,
            plan,
            _EXPORT,
            {"source": str(source), "target": str(folder / "exported")},
            EXPORT_TIMEOUT,
        )
        source = folder / "exported"
    say("Optimising the graph …")
    order = {"source": str(source), "target": str(folder / "entry"), "labels": list(plan.labels)}
    details |= await _child(forkserver, plan, _OPTIMISE, order, OPTIMISE_TIMEOUT)
    if plan.spec.precision not in {"auto", details["precision"]}:
        raise RegistrationFailed(
            f"{plan.spec.name} is {details['precision']}, but the catalogue asks for"
            f' {plan.spec.precision}; set precision = "auto" there'
        )
    return details


async def _child(
    forkserver: ForkServer, plan: Plan, target: str, arguments: dict[str, Any], seconds: float
) -> dict[str, Any]:
    try:
        result: dict[str, Any] = await run_in_child(
            forkserver, target, arguments | {"max_length": plan.max_length}, timeout=seconds
        )
    except ModelError as error:
        raise RegistrationFailed(f"{plan.spec.name} cannot be registered: {error}") from error
    return result


async def _try_out(
    plan: Plan, entry: Path, compiled: dict[str, Any], forkserver: ForkServer, say: Say
) -> Card:
    """Load it as it will be loaded, have it read the longest text it can, and measure both."""
    say("Loading it once, to measure …")
    order = LoadOrder(
        engine=plan.spec.engine,
        path=entry,
        labels=plan.labels,
        max_length=plan.max_length,
        threads=len(os.sched_getaffinity(0)),
        compiled=True,
    )
    try:
        began = time.monotonic()
        runner = await Runner.start(forkserver, order, timeout=TRIAL_TIMEOUT)
        load_seconds = time.monotonic() - began
        try:
            await runner.predict(_WORD * plan.max_length, timeout=TRIAL_TIMEOUT)
            footprint = await runner.measure()
        finally:
            await runner.close()
    except ModelError as error:
        raise RegistrationFailed(f"{plan.spec.name} does not work: {error}") from error
    return Card(
        name=plan.spec.name,
        version=plan.version,
        engine=plan.spec.engine,
        source=plan.spec.source,
        labels=plan.labels,
        max_length=plan.max_length,
        precision=compiled["precision"],
        footprint=footprint,
        load_seconds=load_seconds,
        digests=await asyncio.to_thread(_digests, entry, compiled["files"]),
        details=_details(plan, compiled),
    )


def _digests(entry: Path, names: list[str]) -> dict[str, str]:
    return {name: file_digest(entry / name) for name in names}


def _details(plan: Plan, compiled: dict[str, Any]) -> dict[str, Any]:
    return {
        "origin": plan.found.origin,
        "content": plan.content,
        "recipe": RECIPE,
        "tools": {"onnxruntime": onnxruntime_version()},
        "parity": {"optimised": compiled["shift"], **_export_parity(compiled)},
    }


def _export_parity(compiled: dict[str, Any]) -> dict[str, Any]:
    export = compiled.get("export")
    return {} if export is None else {"exported": export["shift"], "exporter": export["exporter"]}

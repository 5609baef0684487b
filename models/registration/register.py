"""Puts a model into the store: compiled once and tried, so that every later load is cheap.

Everything heavy happens in children of the fork server; files are copied and hashed in threads.
The store changes in the last step alone, so a failure or an interruption leaves it as it was.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from models.card import Card
from models.catalogue import Catalogue
from models.errors import ModelLoadFailed, RegistrationFailed
from models.forkserver import ForkServer
from models.heads_card import head_as_written
from models.integrity import file_digest
from models.registration.choosing import Made
from models.registration.heads.floor import check_floor
from models.registration.heads.lesson import Lesson, Teaching, read_lesson
from models.registration.making import make
from models.registration.origins.found import Found
from models.registration.plan import RECIPE, Plan, choose_spec, embedded_digests, plan_for, take_in
from models.registration.sources import obtain, resolve
from models.registration.tools import versions
from models.registration.trying import ENGINES, Trial, try_out
from models.registration.workshop import Say, Workshop
from models.spec import ModelSpec, StoredModel
from models.staging import told
from models.store import ModelStore


async def register(
    name: str,
    source: str | None,
    *,
    store: ModelStore,
    forkserver: ForkServer,
    catalogue: Catalogue,
    progress: Say,
    engine: str | None = None,
    precision: str | None = None,
    teaching: Teaching | None = None,
) -> StoredModel:
    """Register `name` from `source`, by default from where the catalogue says.

    `engine` and `precision` go before the catalogue's, too. `teaching` says what a head is fitted
    on, where the model has none; by default on the texts of scripts/build_dataset. What is
    registered already with the same content only becomes the newest version again. Raises
    RegistrationFailed; TorchNeeded where the torch extra would help.
    """
    spec = choose_spec(name, source, catalogue, engine=engine, precision=precision)
    workshop = Workshop(forkserver, progress)
    force = teaching is not None and teaching.force
    with told(store.path):
        async with _staging(store) as folder:
            found = await obtain(spec.origin, store=store.path, room=folder, say=progress)
            lesson = await asyncio.to_thread(_lesson, spec, found, teaching)
            plan = await asyncio.to_thread(take_in, spec, found, folder / "source", lesson)
            stored = await asyncio.to_thread(_present, store, plan, force=force)
            if stored is not None:
                progress(f"{name}:{stored.version} is registered already.")
                return stored
            made = await make(plan, folder, workshop, force=force)
            trial = await try_out(plan, made, workshop)
            card = _card(plan, made, trial, await asyncio.to_thread(_digests, made))
            stored = await asyncio.to_thread(store.add, made.path, card)
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


def _lesson(spec: ModelSpec, found: Found, teaching: Teaching | None) -> Lesson | None:
    """None where the model has a head of its own. Raises RegistrationFailed."""
    if found.folder.kind == "encoder":
        return read_lesson(teaching or Teaching(), spec)
    if teaching is not None and teaching.is_about_texts:
        raise RegistrationFailed(
            f"{spec.name} has a classification head of its own, so that none is fitted; leave"
            " --data, --judge and --rows out"
        )
    return None


def _present(store: ModelStore, plan: Plan, *, force: bool = False) -> StoredModel | None:
    """The sound entry with the plan's content, made the newest of its name.

    Raises RegistrationFailed where its head was worth too little and only `force` got it in.
    """
    stored = store.find(plan.spec.name, plan.version)
    if stored is None:
        return None
    try:
        store.verify(stored)
    except ModelLoadFailed:
        return None
    if stored.head is not None:
        check_floor(stored.head, force=force)
    return store.renew(stored)


@asynccontextmanager
async def _staging(store: ModelStore) -> AsyncIterator[Path]:
    context = store.staging()
    folder = await asyncio.to_thread(context.__enter__)
    try:
        yield folder
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


def _card(plan: Plan, made: Made, trial: Trial, digests: Mapping[str, str]) -> Card:
    known = {
        "parity": made.parity and asdict(made.parity),
        "export": made.export,
        "head": made.head and head_as_written(made.head),
    }
    return Card(
        name=plan.spec.name,
        version=plan.version,
        engine=ENGINES[plan.spec.engine],
        source=plan.spec.source,
        labels=plan.labels,
        max_length=plan.max_length,
        precision=made.precision,
        footprint=trial.footprint,
        load_seconds=trial.load_seconds,
        digests=digests,
        details={
            "origin": plan.found.origin,
            **plan.found.provenance(),
            "content": plan.content,
            "recipe": RECIPE,
            "tools": versions(plan, made),
            "refused": dict(made.refused),
            "first_token_only": made.first_token_only,
            **{name: dict(about) for name, about in known.items() if about},
        },
    )


def _digests(made: Made) -> dict[str, str]:
    return {name: file_digest(made.path / name) for name in made.files}

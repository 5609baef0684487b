"""Where a model comes from: what each kind of source names, as a checked folder."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from models.catalogue import ORIGINS_WANTED, is_origin, source_of
from models.errors import RegistrationFailed
from models.registration.folder import inspect
from models.registration.origins.bento import find_entry
from models.registration.origins.found import Found
from models.registration.origins.hub import find_snapshot
from models.registration.origins.licence import licence_in
from models.registration.origins.registry import fetch_model

EMBEDDED_FOLDER = Path(__file__).parents[1] / "embedded"
_EMBEDDED_LICENSE = "Apache-2.0"
"""As all that ships with the project."""


async def obtain(origin: str, *, store: Path, room: Path, say: Callable[[str], None]) -> Found:
    """Find what `origin` names, or fetch it, below `room` where it has no place of its own.

    `store` is the model store's folder. Raises RegistrationFailed; MlflowNeeded where MLflow's
    client would help. When it is cancelled, nothing goes on writing to `room`.
    """
    kind, _, place = origin.partition(":")
    if kind == "mlflow":
        return await fetch_model(place, room, say)
    if kind == "bento":
        return await asyncio.to_thread(find_entry, place, store)
    return await asyncio.to_thread(resolve, origin, say)


def resolve(origin: str, say: Callable[[str], None]) -> Found:
    """Find what `origin` names in a folder or on the hub, and check it.

    Blocks. Raises RegistrationFailed.
    """
    if not is_origin(origin):
        raise RegistrationFailed(f"{origin!r} is no source; use {ORIGINS_WANTED}")
    kind, _, place = origin.partition(":")
    if kind == "embedded":
        folder = inspect(EMBEDDED_FOLDER)
        return Found(origin, source_of(origin), folder, license=_EMBEDDED_LICENSE)
    if kind == "dir":
        path = Path(place).expanduser().absolute()
        folder = inspect(path)
        return Found(f"dir:{path}", source_of(origin), folder, license=licence_in(path))
    repo, snapshot = find_snapshot(place, say)
    return Found(
        f"hf:{repo}@{snapshot.name}",
        source_of(origin),
        # A snapshot is links into the blobs of the repository's own folder in the cache.
        inspect(snapshot, within=snapshot.parents[1]),
        revision=snapshot.name,
        license=licence_in(snapshot),
    )

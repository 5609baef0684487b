"""Models that stand in the BentoML model store already, saved by other programs or by us."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml  # type: ignore[import-untyped]  # comes with BentoML

from models.card import YAML
from models.catalogue import is_name, source_of
from models.errors import RegistrationFailed
from models.registration.folder import inspect
from models.registration.origins.found import Found
from models.registration.origins.licence import licence_in, licence_of
from models.staging import STAGING

_LISTED = 20


def find_entry(place: str, store: Path) -> Found:
    """The entry NAME or NAME:VERSION of `store`, checked as any folder is; NAME is the latest.

    Pickles that BentoML writes beside a model are not read. Raises RegistrationFailed, with what
    there is in the store.
    """
    name, mark, version = place.partition(":")
    if not is_name(name) or (mark and not is_name(version)):
        _refuse(store, f"{place!r} is no tag of a model; use bento:NAME or bento:NAME:VERSION")
    version = version or _latest(store / name)
    folder = store / name / version
    if not version or not (folder / YAML).is_file():
        _refuse(store, f"there is no model {place} in the BentoML store {store}")
    if not folder.resolve().is_relative_to(store.resolve()):
        _refuse(store, f"{name}:{version} is a link that leads out of the store")
    origin = f"bento:{name}:{version}"
    return Found(
        origin,
        source_of(origin),
        inspect(folder),
        revision=version,
        license=_told(folder) or licence_in(folder),
    )


def _refuse(store: Path, why: str) -> NoReturn:
    tags = sorted(_tags(store))
    more = ["…"] if len(tags) > _LISTED else []
    listed = ", ".join(tags[:_LISTED] + more) or "nothing; BENTOML_HOME names another one"
    raise RegistrationFailed(f"{why}. The store holds: {listed}")


def _latest(folder: Path) -> str:
    """The version that BentoML calls so; empty where there is none."""
    try:
        told = (folder / "latest").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return told if is_name(told) else ""


def _tags(store: Path) -> Iterator[str]:
    for card in store.glob(f"*/*/{YAML}"):
        name, version = card.parent.parent.name, card.parent.name
        if name != STAGING and is_name(name):
            yield f"{name}:{version}"


def _told(folder: Path) -> str | None:
    """The licence in BentoML's own description: among its metadata, else its labels."""
    try:
        document = yaml.safe_load((folder / YAML).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    about: Mapping[str, Any] = document if isinstance(document, dict) else {}
    parts = (about.get("metadata"), about.get("labels"))
    told = (licence_of(part) for part in parts if isinstance(part, dict))
    return next((licence for licence in told if licence), None)

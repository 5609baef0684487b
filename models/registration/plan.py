"""What a registration is to put into the store, and under which version: content decides."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

from models.catalogue import EMBEDDED, ORIGINS_WANTED, Catalogue, is_name, is_origin, source_of
from models.errors import RegistrationFailed
from models.integrity import combined_digest, copy_with_digest
from models.registration.heads.lesson import Lesson
from models.registration.origins.found import Found
from models.registration.sources import EMBEDDED_FOLDER
from models.spec import ModelSpec, harmless_label

RECIPE = "5"
"""Raised when compiling changes, so that what was registered before is compiled anew."""

_FITTED_FOR_ONNX = "one that registration fits is for engine 'onnx'"
_VERSION_LENGTH = 16
_LEAST_LENGTH = 3
_SUMS = "SHA256SUMS.txt"


@dataclass(frozen=True, slots=True)
class Plan:
    """`labels` are as served; `digests` are those of the source's files. `lesson` is there where a
    head has to be fitted first."""

    spec: ModelSpec
    found: Found
    labels: tuple[str, ...]
    max_length: int
    digests: Mapping[str, str]
    lesson: Lesson | None = None

    @property
    def content(self) -> str:
        """SHA-256 over all that makes two registrations the same."""
        made_with = {
            "labels": json.dumps(self.labels),
            "max_length": str(self.max_length),
            "recipe": RECIPE,
            "engine": self.spec.engine,
            "precision": self.spec.precision,
            "onnxruntime": onnxruntime_version(),
        }
        if self.lesson is not None:
            made_with["lesson"] = self.lesson.content
        return combined_digest(made_with | {f"/{name}": d for name, d in self.digests.items()})

    @property
    def harmless(self) -> str | None:
        return harmless_label(self.labels, self.spec)

    @property
    def version(self) -> str:
        return self.content[:_VERSION_LENGTH]


def choose_spec(
    name: str,
    origin: str | None,
    catalogue: Catalogue,
    *,
    engine: str | None = None,
    precision: str | None = None,
) -> ModelSpec:
    """The catalogue's entry; with `origin`, `engine` and `precision` in place of its own where
    they are given.

    Raises RegistrationFailed.
    """
    if not is_name(name):
        raise RegistrationFailed(
            f"{name!r} cannot name a model; use lowercase letters, digits, '-', '_' and '.', with"
            " a letter or digit first and last, 63 at most"
        )
    if origin is not None and not is_origin(origin):
        raise RegistrationFailed(f"{origin!r} is no source; use {ORIGINS_WANTED}")
    listed = catalogue.get(name)
    if listed is None and origin is None:
        known = ", ".join(spec.name for spec in catalogue)
        raise RegistrationFailed(
            f"{name} is not in the catalogue ({known}); say where it is with --source"
        )
    spec = listed or ModelSpec(name=name, origin=str(origin))
    if origin is not None and (listed is None or listed.origin != origin):
        spec = replace(spec, origin=origin, source=source_of(origin))
    return replace(spec, engine=engine or spec.engine, precision=precision or spec.precision)


def take_in(spec: ModelSpec, found: Found, target: Path, lesson: Lesson | None = None) -> Plan:
    """Copy the source's files into the new folder `target`, so that they hold still."""
    target.mkdir()
    plan = plan_for(
        spec,
        found,
        {name: copy_with_digest(file, target / name) for name, file in found.folder.files.items()},
        lesson,
    )
    if spec.origin == "embedded" and plan.digests != embedded_digests():
        raise RegistrationFailed(
            f"the files in {EMBEDDED_FOLDER} are not those of {_SUMS}; install the project anew"
        )
    return plan


def plan_for(
    spec: ModelSpec, found: Found, digests: Mapping[str, str], lesson: Lesson | None = None
) -> Plan:
    """Raises RegistrationFailed where the catalogue asks what the model does not have."""
    if spec.engine == "transformers":
        _check_for_torch(spec, found)
    own = found.folder.labels if lesson is None else lesson.labels
    unknown = sorted(set(spec.labels) - set(own))
    if unknown:
        _refuse(spec, f"labels names {unknown}, but the model has {list(own)}; correct labels")
    labels = tuple(spec.labels.get(label, label) for label in own)
    if len(set(labels)) < len(labels):
        _refuse(spec, f"two labels would have one name: {list(labels)}; correct labels")
    if spec.harmless is not None and spec.harmless not in labels:
        _refuse(spec, f"harmless is {spec.harmless!r}, but the labels are {list(labels)}")
    embedded = EMBEDDED.max_length if spec.origin == "embedded" else None
    max_length = spec.max_length or embedded or found.folder.own_max_length()
    if max_length < _LEAST_LENGTH:
        _refuse(spec, f"it reads {max_length} tokens at most; set max_length")
    return Plan(spec, found, labels, max_length, digests, lesson)


def _check_for_torch(spec: ModelSpec, found: Found) -> None:
    if found.folder.kind == "encoder":
        _refuse(spec, f"engine 'transformers' needs a trained head; {_FITTED_FOR_ONNX}")
    if found.folder.kind != "transformers":
        _refuse(spec, "engine 'transformers' needs .safetensors weights; set engine to 'onnx'")
    if spec.precision.startswith("int8"):
        _refuse(spec, f"precision {spec.precision!r} is for engine 'onnx'; leave one of them out")


def embedded_digests() -> dict[str, str]:
    """Of the files that ship with the project, as written beside them."""
    try:
        lines = (EMBEDDED_FOLDER / _SUMS).read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise RegistrationFailed(
            f"{EMBEDDED_FOLDER / _SUMS} cannot be read ({error.strerror}); install the project anew"
        ) from error
    return {name: digest for digest, name in (line.split() for line in lines)}


def onnxruntime_version() -> str:
    """Without importing it. The optimised graph is this version's own."""
    for package in ("onnxruntime", "onnxruntime-gpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "unknown"


def _refuse(spec: ModelSpec, why: str) -> NoReturn:
    raise RegistrationFailed(f"catalogue entry {spec.name!r}: {why}")

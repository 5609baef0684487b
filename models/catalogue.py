"""The catalogue: what may be served, read from a TOML file. And names of models, checked."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cache.ports import Priority
from models.errors import ModelError, ModelNotFound
from models.spec import ModelSpec

SHIPPED = Path(__file__).with_name("catalogue.toml")
"""The catalogue that ships with the project."""

EMBEDDED = ModelSpec(
    name="minilm-l6-v2_trained", origin="embedded", source="Embedded", max_length=128
)
"""The default classifier, for catalogues that do not name it themselves."""

SOURCES = ("Hugging Face", "MLflow", "Local", "Embedded")
ENGINES = ("onnx", "transformers")
PRECISIONS = ("auto", "fp32", "int8", "int8-weights")

_NAME = re.compile(r"[a-z0-9]([-._a-z0-9]*[a-z0-9])?")
_NAME_LENGTH = 63
_ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,30}", re.ASCII)
_MARK = re.compile("[:@]")
_ORIGIN = re.compile(r"embedded|(?:dir|hf|mlflow|bento):\S.*", re.DOTALL)
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?", re.ASCII)
_SHOWN = 80


class CatalogueError(ModelError):
    """The catalogue cannot be used; the message names file, entry, field and what to do."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model is meant. `version` may be an alias; None is what the plain name stands for."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}:{self.version}"


def is_name(text: str) -> bool:
    """Say whether `text` can name a model, or a version: BentoML's rule for tags."""
    return len(text) <= _NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_alias_form(text: str) -> bool:
    """Say whether `text` is written as an alias is; `aliases.check_alias` asks for more."""
    return _ALIAS.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def parse_ref(text: str) -> ModelRef:
    """Read "name", "name:version", "name:alias" or, as MLflow users write it, "name@alias".

    No name or version has an "@". Raises ModelNotFound for anything that cannot be a model's
    name: nothing has that name.
    """
    name, *version = _MARK.split(text, maxsplit=1)
    if not is_name(name) or not all(is_name(each) or is_alias_form(each) for each in version):
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        raise ModelNotFound(f"Model {shown!r} not found: that is not a valid model name")
    return ModelRef(name, *version)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries by name, in the order of the file."""

    specs: Mapping[str, ModelSpec]

    def get(self, name: str) -> ModelSpec | None:
        return self.specs.get(name)

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self.specs.values())

    def __len__(self) -> int:
        return len(self.specs)

    @property
    def embedded(self) -> ModelSpec:
        """The entry of the model that ships with the project; there always is one."""
        return next((spec for spec in self if spec.origin == "embedded"), EMBEDDED)


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the catalogue at `path`, or the shipped one. Raises CatalogueError."""
    path = path or SHIPPED
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(
            f"{path}: the catalogue cannot be read ({error.strerror}); correct the setting"
            " `catalogue`, or remove it to use the shipped one"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: not valid TOML ({error}); correct that place") from error
    entries = document.get("models")
    if set(document) != {"models"} or not isinstance(entries, dict):
        raise CatalogueError(
            f'{path}: expected [models."NAME"] tables and nothing else at the top level'
        )
    return Catalogue({name: _parse_entry(path, name, entry) for name, entry in entries.items()})


def _parse_entry(path: Path, name: str, entry: Any) -> ModelSpec:
    where = f"{path}: entry {name!r}"
    if not is_name(name):
        raise CatalogueError(
            f"{where}: not a valid name; use at most {_NAME_LENGTH} lowercase letters, digits,"
            " '-', '_' and '.', with a letter or digit first and last"
        )
    if not isinstance(entry, dict):
        raise CatalogueError(f'{where}: expected a table, [models."{name}"]')
    values = {}
    for key, value in entry.items():
        rule = _RULES.get(key)
        if rule is None:
            raise CatalogueError(
                f"{where}: unknown field {key!r}; remove it, or use one of {', '.join(_RULES)}"
            )
        if not rule.holds(value):
            raise CatalogueError(f"{where}: field {key!r} is {value!r}; it must be {rule.wanted}")
        values[key] = rule.convert(value)
    if "origin" not in values:
        raise CatalogueError(f"{where}: field 'origin' is missing; add one: {ORIGINS_WANTED}")
    served = [*values.get("labels", {}).values()]
    if served and values.get("harmless", served[0]) not in served:
        raise CatalogueError(
            f"{where}: field 'harmless' is {values['harmless']!r}; it must be one of the names that"
            f" 'labels' gives: {', '.join(served)}"
        )
    values.setdefault("source", source_of(values["origin"]))
    return ModelSpec(name=name, **values)


def is_origin(text: str) -> bool:
    """Say whether `text` has the form of a place that models come from."""
    return _ORIGIN.fullmatch(text) is not None


def source_of(origin: str) -> str:
    """The documented `source` of a model that comes from `origin`."""
    if origin == "embedded":
        return "Embedded"
    return {"hf": "Hugging Face", "mlflow": "MLflow"}.get(origin.partition(":")[0], "Local")


@dataclass(frozen=True, slots=True)
class _Rule:
    holds: Callable[[Any], bool]
    wanted: str
    convert: Callable[[Any], Any] = lambda value: value


def _one_of(*allowed: str) -> _Rule:
    return _Rule(lambda v: v in allowed, "one of " + ", ".join(f'"{v}"' for v in allowed))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_label_map(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and all(_is_text(served) for served in value.values())
        and len(set(value.values())) == len(value)
    )


ORIGINS_WANTED = (
    "dir:PATH, hf:REPO, hf:REPO@REVISION, mlflow:models:/NAME@ALIAS, mlflow:models:/NAME/VERSION,"
    " bento:NAME, bento:NAME:VERSION or embedded"
)

_RULES: Mapping[str, _Rule] = {
    "origin": _Rule(lambda v: isinstance(v, str) and is_origin(v), ORIGINS_WANTED),
    "source": _one_of(*SOURCES),
    "engine": _one_of(*ENGINES),
    "precision": _one_of(*PRECISIONS),
    "labels": _Rule(_is_label_map, 'a table of distinct texts, { LABEL_0 = "benign" }', dict),
    "priority": _Rule(
        lambda v: isinstance(v, str) and v.upper() in Priority.__members__ and v.islower(),
        'one of "low", "medium", "high"',
        lambda v: Priority[v.upper()],
    ),
    "ttl": _Rule(lambda v: _is_number(v) and 0 < v < float("inf"), "seconds, above 0", float),
    "pin": _Rule(lambda v: isinstance(v, bool), "true or false"),
    "max_length": _Rule(
        lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 2,  # noqa: PLR2004
        "a number of tokens above 2, the two of them that every text gets",
    ),
    "warmup_texts": _Rule(
        lambda v: isinstance(v, list) and all(_is_text(text) for text in v),
        'a list of texts, ["…"]',
        tuple,
    ),
    "harmless": _Rule(_is_text, "the label that means no harm"),
    "device": _Rule(
        lambda v: isinstance(v, str) and _DEVICE.fullmatch(v) is not None,
        '"auto", "cpu", "cuda" or "cuda:N"',
    ),
}

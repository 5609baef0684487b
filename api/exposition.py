"""Prometheus text (format 0.0.4): families of samples, and how they are written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_MODEL_LABELS = 200
OTHER = "other"
"""The label of all models beyond the bound."""


@dataclass(frozen=True, slots=True)
class Series:
    """One sample and its labels."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """What stands below one HELP and TYPE."""

    name: str
    help: str
    type: str
    series: tuple[Series, ...]


def single(name: str, text: str, kind: str, value: float) -> Family:
    """Make a family of one sample without labels."""
    full = f"model_cache_{name}"
    return Family(full, text, kind, (Series(full, value),))


def written(families: Iterable[Family]) -> bytes:
    return "\n".join("\n".join(lines(family)) + "\n" for family in families).encode()


def lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.type}"
    for series in family.series:
        yield f"{series.name}{_labels(series.labels)} {_number(series.value)}"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    pairs = (f'{name}="{_escaped(value, quote=True)}"' for name, value in labels)
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str, *, quote: bool = False) -> str:
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quote else escaped


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))

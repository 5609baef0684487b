"""What a model is: its entry in the catalogue, and what the model store holds of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cache.ports import Priority


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of `catalogue.toml`: what may be served under `name`, and how.

    `origin` is where `scripts/register` takes it from: "hf:REPO", "dir:PATH" or "embedded".
    `engine` is "onnx" or "transformers"; `precision` "auto" is the smallest that keeps the answers.
    `labels` renames the model's own labels (own → served); empty keeps them. `harmless` is the
    one of them that means no harm, None for "benign". `ttl` is in seconds. `priority` None means
    that the class follows from usage, `device` None that the service's setting counts.
    """

    name: str
    origin: str
    source: str = "Local"
    engine: str = "onnx"
    precision: str = "auto"
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: Priority | None = None
    ttl: float | None = None
    pin: bool = False
    max_length: int | None = None
    warmup_texts: tuple[str, ...] = ()
    harmless: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Parity:
    """How close its answers are to those of `reference`, on so many `texts`, one text a run.

    `agreement` is the fraction of texts with the same label, `largest_shift` how far a
    probability moved at most.
    """

    agreement: float
    largest_shift: float
    texts: int
    reference: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """How registration made a model: with which `tools` (name → version), and how well.

    `refused` says of each other precision that was tried why it was not taken. `parity` is None
    where nothing was converted. `first_token_only`: the last layer computes what the first token
    needs, because the classifier reads no other.
    """

    parity: Parity | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    first_token_only: bool = False


@dataclass(frozen=True, slots=True)
class HeadClass:
    """How a fitted head does with the `texts` of a label; a score that divides by 0 is None."""

    label: str
    texts: int
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A classification head that registration fitted, and what it was worth.

    Fitted on `rows` texts of the `available` ones in the file `data`, judged by `judged` others,
    those of `judge`; digests are SHA-256 in hex. `ece` is the expected calibration error (15 bins)
    and `macro_f1` the mean over `classes`, in fp32. `forced`: it is below `floor` all the same.
    """

    data: str
    data_digest: str
    rows: int
    available: int
    judge: str
    judge_digest: str
    judged: int
    macro_f1: float
    ece: float
    classes: tuple[HeadClass, ...]
    floor: float
    forced: bool
    pooling: str
    penalty: float
    temperature: float


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One version of a model in the BentoML model store, ready to be loaded from `path`.

    `digests` maps each file below `path` that a load reads to its SHA-256 (hex).
    `footprint` (bytes) and `load_seconds` were measured by the trial load at registration.
    `engine` is "onnx" or "pytorch": the documented `type`. `size` is bytes on disk. `compiled` is
    None where an earlier release registered it. `origin` is as in the catalogue, `revision` what it
    was there: the hub's commit, or the version in MLflow or BentoML. `license` is as its author
    wrote it. `head` is None where the model came with its own.
    """

    name: str
    version: str
    path: Path
    engine: str
    source: str
    labels: tuple[str, ...]
    max_length: int
    precision: str
    digests: Mapping[str, str]
    footprint: int
    load_seconds: float
    size: int
    created_at: datetime
    compiled: Compiled | None = None
    origin: str | None = None
    revision: str | None = None
    license: str | None = None
    head: FittedHead | None = None


BENIGN = "benign"
"""The harmless label of models whose catalogue entry names none."""


def harmless_label(labels: Sequence[str], spec: ModelSpec | None) -> str | None:
    """Which of `labels` means no harm: the catalogue's word, else "benign", else there is none."""
    named = spec.harmless if spec is not None else None
    return next((label for label in (named, BENIGN) if label in labels), None)

"""What a model is: its entry in the catalogue, and what the model store holds of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cache.ports import Priority


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of `catalogue.toml`: what may be served under `name`, and how.

    `origin` is where `scripts/register` takes it from: "hf:REPO", "dir:PATH" or "embedded".
    `labels` renames the model's own labels (own → served); empty keeps them. `ttl` is in
    seconds. `priority` None means that the class follows from usage.
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


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One version of a model in the BentoML model store, ready to be loaded from `path`.

    `digests` maps each file below `path` that a load reads to its SHA-256 (hex).
    `footprint` (bytes) and `load_seconds` were measured by the trial load at registration.
    `engine` is "onnx" or "pytorch": the documented `type`. `size` is bytes on disk.
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

"""How an entry of the model store is described: its `model.yaml`, written and read."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with BentoML

from models.heads_card import read_head
from models.spec import Compiled, Parity, StoredModel

LABEL = {"model-cache": "1"}
"""What marks our entries among those of other people in the same store."""

YAML = "model.yaml"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Card:
    """What is written beside a model's files. Units as StoredModel.

    `details` is for people, but for what `Compiled` has: "parity", "tools", "refused" and
    "first_token_only".
    """

    name: str
    version: str
    engine: str
    source: str
    labels: tuple[str, ...]
    max_length: int
    precision: str
    footprint: int
    load_seconds: float
    digests: Mapping[str, str]
    details: Mapping[str, Any] = field(default_factory=dict)


def read_card(folder: Path) -> StoredModel | None:
    """The entry in `folder`; None when it is somebody else's.

    Raises OSError when there is no description, ValueError when it cannot be understood.
    """
    try:
        return _parse(folder, _read(folder / YAML))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder / YAML} is not readable: {error!r}") from error


def write_card(staged: Path, card: Card) -> None:
    """BentoML makes the description, in a store of its own that holds nothing else."""
    import bentoml  # noqa: PLC0415  # takes a second, and only adding needs it
    from bentoml._internal.models import ModelStore as BentoStore  # noqa: PLC0415

    about = {
        **card.details,
        "engine": card.engine,
        "source": card.source,
        "labels": list(card.labels),
        "max_length": card.max_length,
        "precision": card.precision,
        "footprint": card.footprint,
        "load_seconds": round(card.load_seconds, 6),
        "size": sum((staged / name).stat().st_size for name in card.digests),
        "digests": dict(card.digests),
    }
    tag = f"{card.name}:{card.version}"
    with tempfile.TemporaryDirectory() as made:
        store = BentoStore(made)
        with bentoml.models.create(tag, labels=dict(LABEL), metadata=about, _model_store=store):
            pass
        shutil.copyfile(Path(made, card.name, card.version, YAML), staged / YAML)


def renewed_text(folder: Path) -> str:
    """The description in `folder`, created now."""
    document = _read(folder / YAML)
    document["creation_time"] = datetime.now(UTC).isoformat()
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a safe loader


def _parse(folder: Path, document: Any) -> StoredModel | None:
    """Raises KeyError, TypeError, ValueError or AttributeError for what is not a card of ours."""
    if not LABEL.items() <= document["labels"].items():
        return None
    about = document["metadata"]
    return StoredModel(
        name=folder.parent.name,
        version=folder.name,
        path=folder,
        engine=about["engine"],
        source=about["source"],
        labels=tuple(about["labels"]),
        max_length=int(about["max_length"]),
        precision=about["precision"],
        digests=dict(about["digests"]),
        footprint=int(about["footprint"]),
        load_seconds=float(about["load_seconds"]),
        size=int(about["size"]),
        created_at=datetime.fromisoformat(document["creation_time"]).astimezone(UTC),
        compiled=_compiled(about),
        origin=_text(about.get("origin")),
        revision=_text(about.get("revision")),
        license=_text(about.get("license")),
        head=None if about.get("head") is None else read_head(about["head"]),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _compiled(about: Mapping[str, Any]) -> Compiled | None:
    """None for cards of earlier releases, which told of parity in other words."""
    parity, tools = about.get("parity"), about.get("tools")
    if tools is None or (parity is not None and "agreement" not in parity):
        return None
    return Compiled(
        parity=None if parity is None else Parity(**parity),
        tools=dict(tools),
        refused=dict(about.get("refused") or {}),
        first_token_only=bool(about.get("first_token_only")),
    )

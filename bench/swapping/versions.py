"""Versions of one model that can be told apart by their labels, and one that answers nonsense."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from bench.encoders import LABELS, Shape
from bench.fleet import Model
from bench.vocabularies import ENGLISH
from models.card import Card
from models.integrity import file_digest
from models.spec import StoredModel
from models.store import ModelStore

NAME = "swapped"
MARKS = ("a", "b", "c")
_SPOILT_VERSION = "5b01175b01175b01"
_GRAPH = "model.onnx"


@dataclass(frozen=True, slots=True)
class Marked(Model):
    """Its labels end in `mark`."""

    mark: str = ""

    def write_source(self, folder: Path) -> None:
        Model.write_source(self, folder)
        path = folder / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config["id2label"] = dict(enumerate(sorted(self.labels)))
        path.write_text(json.dumps(config), encoding="utf-8")

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(f"{label}_{self.mark}" for label in LABELS)


VERSIONS = tuple(
    Marked(NAME, Shape(ENGLISH, 384, 6), int8=True, seed=n, mark=mark)
    for n, mark in enumerate(MARKS, 1)
)
TINY_VERSIONS = tuple(
    Marked(NAME, Shape(ENGLISH, 32, 1), seed=n, mark=mark) for n, mark in enumerate(MARKS, 11)
)


def copied(model: StoredModel, store: Path) -> Path:
    """Copy the entry to the same place of another store."""
    target = store / model.name / model.version
    shutil.copytree(model.path, target)
    return target


def spoilt(model: StoredModel, folder: Path) -> StoredModel:
    """The same with weights that are no numbers: a whole, sound entry of a store in `folder`."""
    store = ModelStore(folder)
    with store.staging() as staging:
        entry = staging / "entry"
        shutil.copytree(model.path, entry)
        (entry / "model.yaml").unlink()
        _spoil(entry / _GRAPH)
        return store.add(entry, _card(model, entry))


def _spoil(graph: Path) -> None:
    """Weights that lie in another file are left there, as they are."""
    model = onnx.load(graph, load_external_data=False)
    for entry in model.graph.initializer:
        inside = entry.data_location != onnx.TensorProto.EXTERNAL
        if inside and entry.data_type == onnx.TensorProto.FLOAT:
            value = np.full_like(numpy_helper.to_array(entry), np.nan)
            entry.CopyFrom(numpy_helper.from_array(value, entry.name))
    onnx.save_model(model, graph)


def _card(model: StoredModel, entry: Path) -> Card:
    return Card(
        name=model.name,
        version=_SPOILT_VERSION,
        engine=model.engine,
        source=model.source,
        labels=model.labels,
        max_length=model.max_length,
        precision=model.precision,
        footprint=model.footprint,
        load_seconds=model.load_seconds,
        digests={name: file_digest(entry / name) for name in model.digests},
    )

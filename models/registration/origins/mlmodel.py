"""What of a model in MLflow is wanted: chosen by its MLmodel file and the list of its files.

Two flavours are understood, as MLflow 3 lays them out: `transformers` (`model/`, and the tokenizer
in `components/tokenizer/`) and `onnx` (`model.onnx`, and whatever holds weights outside of it) with
config.json and tokenizer.json put beside it.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, NoReturn

import yaml  # type: ignore[import-untyped]  # comes with BentoML

from models.errors import RegistrationFailed
from models.registration.folder import is_pickle, is_tokenizer_file

_MLFLOW_S_OWN = re.compile(
    r"MLmodel|.*\.ya?ml|.*requirements\.txt|.*input_example.*\.json|registered_model_meta"
)
_CARDS = ("README.md", "model/README.md")
_TOKENIZER = "components/tokenizer"
_INSTEAD = (
    "only the flavours transformers (safetensors) and onnx are taken, for what is a pickle or code"
    " can do anything when it is read: log the model with mlflow.transformers or mlflow.onnx"
)
_BESIDE = (
    "add them: MlflowClient().log_model_artifacts(model_id, FOLDER), with tokenizer.json and a"
    " config.json that has id2label in FOLDER"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`files`: the name that each is to get → where it is among the artifacts."""

    kind: str
    files: Mapping[str, str]


def choose_files(text: str, listed: Collection[str]) -> Wanted:
    """Of the artifacts `listed`, those that a registration needs; `text` is MLmodel's.

    Raises RegistrationFailed with what stands against this model.
    """
    for path in listed:
        check_path(path)
    flavours = _flavours(text)
    chosen = next((name for name in ("transformers", "onnx") if name in flavours), None)
    if chosen is None:
        _refuse_flavour(flavours, listed)
    if any(about.get("code") for about in flavours.values()):
        _refuse("it comes with code (code_paths), which is never run; log it without")
    about = flavours[chosen]
    files = _transformers(about, listed) if chosen == "transformers" else _onnx(about, listed)
    card = next((path for path in _CARDS if path in listed), None)
    return Wanted(chosen, files | ({"README.md": card} if card else {}))


def check_path(path: str) -> None:
    """Raises RegistrationFailed unless `path` stays below the folder it is relative to."""
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or re.search(r"[\\\x00]", path):
        _refuse(f"{path!r} is no path below the model's own folder; nothing of it is fetched")


def _refuse(why: str) -> NoReturn:
    raise RegistrationFailed(why)


def _flavours(text: str) -> dict[str, Mapping[str, Any]]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RegistrationFailed(f"MLmodel is not readable YAML: {error}") from error
    flavours = document.get("flavors") if isinstance(document, dict) else None
    if not isinstance(flavours, dict):
        _refuse("MLmodel names no flavors: that is no MLflow model")
    return {str(name): v if isinstance(v, dict) else {} for name, v in flavours.items()}


def _refuse_flavour(flavours: Mapping[str, Any], listed: Collection[str]) -> NoReturn:
    names = [name for name in flavours if name != "python_function"] or list(flavours)
    pickle = next((path for path in sorted(listed) if is_pickle(PurePosixPath(path).name)), None)
    held = f" and {pickle} is a pickle" if pickle else ""
    _refuse(f"its flavour is {', '.join(names)}{held}; {_INSTEAD}")


def _below(folder: str, listed: Collection[str]) -> dict[str, str]:
    """The files directly in a folder of the artifacts, by name."""
    where = PurePosixPath(folder)
    return {
        PurePosixPath(path).name: path for path in listed if PurePosixPath(path).parent == where
    }


def _transformers(about: Mapping[str, Any], listed: Collection[str]) -> dict[str, str]:
    if about.get("peft_adaptor"):
        _refuse("it holds adapter weights only; merge them into the model and log that")
    folder = about.get("model_binary")
    if not isinstance(folder, str):
        name = about.get("source_model_name") or "a model"
        _refuse(
            f"it only refers to {name} on the Hugging Face hub: register that with --source"
            f" hf:{name}@REVISION, or log it with save_pretrained=True"
        )
    check_path(folder)
    model = {name: path for name, path in _below(folder, listed).items() if _is_of_model(name)}
    if not any(name.endswith(".safetensors") for name in model):
        held = ", ".join(sorted(_below(folder, listed))) or "nothing"
        _refuse(f"its weights are no safetensors ({folder} has {held}); {_INSTEAD}")
    parts = _below(_TOKENIZER, listed)
    return model | {name: path for name, path in parts.items() if is_tokenizer_file(name)}


def _is_of_model(name: str) -> bool:
    return (
        name == "config.json"
        or name.endswith((".safetensors", ".safetensors.index.json"))
        or is_tokenizer_file(name)
    )


def _onnx(about: Mapping[str, Any], listed: Collection[str]) -> dict[str, str]:
    graph = about.get("data")
    if not isinstance(graph, str) or graph not in listed:
        _refuse(f"MLmodel names {graph!r} as its graph, which is not among the model's files")
    beside = _below(str(PurePosixPath(graph).parent), listed) | _below(".", listed)
    lacking = [name for name in ("config.json", "tokenizer.json") if name not in beside]
    if lacking:
        _refuse(f"{' and '.join(lacking)} not among the model's files; {_BESIDE}")
    kept = {
        name: path
        for name, path in beside.items()
        if path != graph and not _MLFLOW_S_OWN.fullmatch(name) and not is_pickle(name)
    }
    return kept | {"model.onnx": graph}

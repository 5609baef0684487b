"""A transformers folder as the torch engine loads it, made in a child process of registration.

Called by name through `models.runner.run_in_child`, so arguments and results are what JSON can
say. Raises RegistrationFailed with what is wrong about the model.
"""

import importlib
import shutil
import warnings
from pathlib import Path
from typing import Any

from models.engines.transformers import weights_type
from models.registration.checkpoint import answer, example, load, write_tokenizer

_WEIGHTS = "model.safetensors"


def copy_torch(source: str, target: str, max_length: int) -> dict[str, Any]:
    """Write model.safetensors, config.json and tokenizer.json to the new folder `target`.

    Refuses a model that lacks weights or cannot read `max_length` tokens. Returns the `precision`
    of its weights, "bf16" or "fp32", and the `files` of a load.
    """
    before, after = Path(source), Path(target)
    after.mkdir()
    warnings.simplefilter("ignore")
    write_tokenizer(before, after)
    shutil.copyfile(before / "config.json", after / "config.json")
    model = load(before)
    answer(model, *example(model, 1, max_length))
    del model
    _write_weights(sorted(before.glob("*.safetensors")), after / _WEIGHTS)
    return {
        "precision": "bf16" if weights_type(after / _WEIGHTS) == "BF16" else "fp32",
        "files": sorted(file.name for file in after.iterdir()),
    }


def _write_weights(parts: list[Path], target: Path) -> None:
    """As one file, to be mapped; of a checkpoint in parts, the parts together."""
    if len(parts) == 1:
        shutil.copyfile(parts[0], target)
        return
    safetensors = importlib.import_module("safetensors.torch")
    weights: dict[str, Any] = {}
    for part in parts:
        weights |= safetensors.load_file(part)
    safetensors.save_file(weights, target, metadata={"format": "pt"})

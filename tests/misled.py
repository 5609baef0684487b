"""In place of pruning, for a child to call: what makes another model of it, and says nothing."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper


def prune_wrongly(source: str, target: str, max_length: int) -> dict[str, Any]:
    """All weights are zero."""
    shutil.copytree(source, target)
    path = Path(target, "model.onnx")
    model = onnx.load(path)
    for entry in model.graph.initializer:
        value = numpy_helper.to_array(entry)
        if value.dtype == np.float32:
            entry.CopyFrom(numpy_helper.from_array(np.zeros_like(value), entry.name))
    onnx.save(model, path)
    return {"files": ["config.json", "model.onnx", "tokenizer.json"], "kept": None}


def fail(**_: Any) -> None:
    raise MemoryError("no room")

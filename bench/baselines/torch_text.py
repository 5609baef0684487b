"""A classifier as one writes it with transformers: its pipeline, fp32, on all cores."""

import importlib
import os
from pathlib import Path
from typing import Any

MAX_LENGTH = 128


class Classifier:
    """A folder that `save_pretrained` wrote."""

    def __init__(self, folder: Path) -> None:
        torch = importlib.import_module("torch")
        transformers = importlib.import_module("transformers")
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self._pipeline = transformers.pipeline(
            "text-classification", model=str(folder), top_k=None, device="cpu"
        )

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """One after another, which is a pipeline's default."""
        found = self._pipeline(texts, truncation=True, max_length=MAX_LENGTH)
        return [
            {
                "label": rows[0]["label"],
                "probabilities": {row["label"]: row["score"] for row in rows},
            }
            for rows in found
        ]

"""A plain BentoML service around onnxruntime: `functools.lru_cache` keeps the last few models.

BENCH_FOLDERS maps names to folders as JSON, BENCH_KEPT says how many are kept. A text runs on each
core.
"""

import functools
import json
import os
from pathlib import Path
from typing import Any

import bentoml

from bench.baselines.onnx_text import Classifier

CORES = len(os.sched_getaffinity(0))
FOLDERS: dict[str, str] = json.loads(os.environ["BENCH_FOLDERS"])


@functools.lru_cache(int(os.environ["BENCH_KEPT"]))
def classifier(name: str) -> Classifier:
    return Classifier(Path(FOLDERS[name]), 1)


@bentoml.service(workers=1, threads=CORES)
class Classify:
    """`POST /predict`."""

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, text: str, model_name: str) -> dict[str, Any]:
        return classifier(model_name).predict([text])[0]

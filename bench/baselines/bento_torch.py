"""A plain BentoML service around transformers: BENCH_FOLDER is the model's."""

import os
from pathlib import Path
from typing import Any

import bentoml

from bench.baselines.torch_text import Classifier


@bentoml.service(workers=1)
class Classify:
    """`POST /predict`, one text at a time, each on all cores."""

    def __init__(self) -> None:
        self._classifier = Classifier(Path(os.environ["BENCH_FOLDER"]))

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, text: str, model_name: str) -> dict[str, Any]:  # noqa: ARG002  # as others
        return self._classifier.predict([text])[0]

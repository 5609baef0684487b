"""LitServe around onnxruntime, with its batching: PORT FOLDER WORKERS BATCH."""

import os
import sys
from pathlib import Path
from typing import Any

import litserve as ls  # type: ignore[import-not-found]

from bench.baselines.onnx_text import Classifier

BATCH_TIMEOUT = 0.005
"""Seconds that a batch waits for more texts."""


class Classify(ls.LitAPI):  # type: ignore[misc]
    """The cores are shared among the workers."""

    def __init__(self, folder: Path, workers: int, batch: int) -> None:
        super().__init__(max_batch_size=batch, batch_timeout=BATCH_TIMEOUT if batch > 1 else 0.0)
        self._folder = folder
        self._intra_op = max(1, len(os.sched_getaffinity(0)) // workers)

    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe gives it
        self._classifier = Classifier(self._folder, self._intra_op)

    def decode_request(self, request: dict[str, Any]) -> str:
        return str(request["text"])

    def predict(self, x: Any) -> Any:
        if isinstance(x, str):
            return self._classifier.predict([x])[0]
        return self._classifier.predict(list(x))

    def encode_response(self, output: Any) -> Any:
        return output


def main(port: int, folder: Path, workers: int, batch: int) -> None:
    server = ls.LitServer(
        Classify(folder, workers, batch), accelerator="cpu", workers_per_device=workers
    )
    server.run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

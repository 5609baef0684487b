"""How long session, tokenizer and first run take in a process that has imported all it needs."""

import json
import sys
import time
from pathlib import Path

from bench.baselines.onnx_text import Classifier


def main(folder: Path, text: str) -> None:
    began = time.perf_counter()
    [answer] = Classifier(folder, 1, lean=True).predict([text])
    seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "label": answer["label"]}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

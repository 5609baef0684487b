"""A process that answers with transformers: the first text as soon as it can, then orders.

An order is {"texts"} on a line, the answer {"labels"}.
"""

import json
import sys
from pathlib import Path

from bench.baselines.torch_text import Classifier


def main(folder: Path, text: str) -> None:
    classifier = Classifier(folder)
    _answer(classifier, [text])
    for line in sys.stdin:
        _answer(classifier, json.loads(line)["texts"])


def _answer(classifier: Classifier, texts: list[str]) -> None:
    labels = [answer["label"] for answer in classifier.predict(texts)]
    sys.stdout.write(json.dumps({"labels": labels}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

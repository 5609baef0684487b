"""The raw loop: no server, the texts are there already. Orders in, answers out, a line each.

An order is {"mode", "texts"}; the answer {"seconds", "each", "labels"}: for the whole, for each
text where they are run one by one, and in the order of the texts.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.baselines.onnx_text import Classifier

CORES = len(os.sched_getaffinity(0))


class Loop:
    """One classifier for texts that run beside each other, and one for batches on all cores."""

    def __init__(self, folder: Path) -> None:
        self._single = Classifier(folder, 1)
        self._wide = Classifier(folder, CORES)
        self._pool = ThreadPoolExecutor(CORES)

    def run(self, mode: str, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Label and seconds of each text, in order."""
        if mode == "serial":
            return [self._one(text) for text in texts]
        if mode == "singles":
            return list(self._pool.map(self._one, texts))
        order = sorted(range(len(texts)), key=lambda n: len(texts[n])) if mode == "fours" else None
        return self._batches(texts, order or range(len(texts)), 4 if mode == "fours" else 16)

    def _one(self, text: str) -> tuple[str, float]:
        began = time.perf_counter()
        [answer] = self._single.predict([text])
        return answer["label"], time.perf_counter() - began

    def _batches(
        self, texts: Sequence[str], order: Sequence[int], size: int
    ) -> list[tuple[str, float]]:
        found = {}
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            began = time.perf_counter()
            answers = self._wide.predict([texts[n] for n in chosen])
            seconds = time.perf_counter() - began
            found.update({n: (a["label"], seconds) for n, a in zip(chosen, answers, strict=True)})
        return [found[n] for n in range(len(texts))]


def main(folder: Path) -> None:
    loop = Loop(folder)
    sys.stdout.write('{"ready": true}\n')
    sys.stdout.flush()
    for line in sys.stdin:
        order = json.loads(line)
        began = time.perf_counter()
        rows = loop.run(order["mode"], order["texts"])
        seconds = time.perf_counter() - began
        labels, each = [label for label, _ in rows], [one for _, one in rows]
        sys.stdout.write(json.dumps({"seconds": seconds, "each": each, "labels": labels}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

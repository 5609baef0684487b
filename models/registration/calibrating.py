"""What registration has done in a child process: the calibration set, answered by a model.

Called by name through `models.runner.run_in_child`, so arguments and results are what JSON can
say.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models.errors import InferenceFailed
from models.registration.calibration import calibration_texts

_DIGITS = 7
"""Behind the point: a shift of a millionth is nothing, and answers have to fit into a frame."""


def answer_calibration(
    path: str, labels: Sequence[str], max_length: int
) -> list[list[float] | None]:
    """A row of probabilities for each text, None for one that has no tokens.

    One text a run, for int8 answers depend on the batch; of a long one its beginning.
    """
    from models.engines.onnx import OnnxEngine  # noqa: PLC0415  # imports onnxruntime

    engine = OnnxEngine(Path(path), labels, max_length, compiled=True, max_windows=1)

    def answer(text: str) -> list[float] | None:
        try:
            [row] = engine.predict([text])
        except InferenceFailed:
            return None
        return [round(probability, _DIGITS) for probability in row.probabilities]

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(answer, calibration_texts()))

"""What all engines do alike around the run of their model."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.engines import Row
from models.engines.answers import Matrix, check, index_of, softmax, worst
from models.engines.batches import Bounds, batches
from models.engines.reading import Reader, Window

Run = Callable[[Sequence[Window]], Matrix]
"""Logits, a row for each window; shorter ones are padded and masked."""

_CANARY = "A short text to see whether the model answers at all."


class Classifying:
    """Reads texts, runs their windows in batches, and lets the worst window of each answer.

    Construction runs one text, so that a model that cannot answer fails here and the memory of a
    first run is part of the footprint. Raises ModelLoadFailed where the answer does not fit.
    """

    def __init__(
        self,
        reader: Reader,
        run: Run,
        labels: Sequence[str],
        within: Bounds,
        harmless: str | None,
    ) -> None:
        self._reader = reader
        self._run = run
        self._within = within
        self._width = len(labels)
        self._harmless = index_of(harmless, labels)
        check(run(reader.read(_CANARY).windows[:1]), labels)

    def predict(self, texts: Sequence[str]) -> list[Row]:
        """Raises InferenceFailed for a text without tokens or an answer that is no number."""
        readings = [self._reader.read(text) for text in texts]
        windows = [window for reading in readings for window in reading.windows]
        probabilities = self._probabilities(windows)
        rows, end = [], 0
        for reading in readings:
            begin, end = end, end + len(reading.windows)
            row = probabilities[begin + worst(probabilities[begin:end], self._harmless)]
            rows.append(
                Row(tuple(row.tolist()), reading.tokens, reading.truncated, len(reading.windows))
            )
        return rows

    def _probabilities(self, windows: Sequence[Window]) -> Matrix:
        if len(windows) == 1:
            return softmax(self._run(windows))
        probabilities = np.empty((len(windows), self._width))
        for batch in batches([len(window.ids) for window in windows], self._within):
            probabilities[batch] = softmax(self._run([windows[index] for index in batch]))
        return probabilities


def filled(rows: Sequence[Sequence[int]], filler: int, kind: Any = np.int64) -> NDArray[Any]:
    """The rows as a matrix, shorter ones filled up."""
    matrix = np.full((len(rows), max(map(len, rows))), filler, kind)
    for place, row in zip(matrix, rows, strict=True):
        place[: len(row)] = row
    return matrix

"""What is run together: windows of like length, so that little is padding."""

from collections.abc import Sequence
from dataclasses import dataclass

_GPU_ROWS = 64
_GPU_TOKENS = 16_384
"""32 windows of 512 tokens: enough to fill a GPU, and below 1 GB of activations at base size."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one run: windows, and tokens with the padding counted."""

    rows: int
    tokens: int


def bounds(device: str, max_length: int, *, batch_proof: bool) -> Bounds:
    """What an engine may run together.

    On a CPU a run is never bigger than the longest window alone, which is what was measured when
    the model was registered: batches gain nothing there but memory.
    """
    if not batch_proof:
        return Bounds(1, max_length)
    if device == "cpu":
        return Bounds(max_length, max_length)
    return Bounds(_GPU_ROWS, _GPU_TOKENS)


def batches(lengths: Sequence[int], within: Bounds) -> list[list[int]]:
    """Indices of `lengths`, each in one batch, from short to long.

    A window that is longer than the bound is a batch by itself.
    """
    made: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        width = lengths[index]
        rows = len(made[-1]) + 1 if made else 0
        if 0 < rows <= within.rows and rows * width <= within.tokens:
            made[-1].append(index)
        else:
            made.append([index])
    return made

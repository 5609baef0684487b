"""Which texts are trained on together: such of like length, so that little is padding."""

from collections.abc import Sequence
from random import Random

from models.labelled.batching import cut

_POOL = 64
"""So many batches' worth of texts are sorted by length among themselves, not all of them."""


def batches(lengths: Sequence[int], tokens: int, random: Random) -> list[list[int]]:
    """Each index once, in batches of at most `tokens` with padding; in random order.

    A text that is longer than that is alone.
    """
    order = list(range(len(lengths)))
    random.shuffle(order)
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    pool = max(1, int(_POOL * tokens / mean))
    made: list[list[int]] = []
    for start in range(0, len(order), pool):
        some = sorted(order[start : start + pool], key=lambda index: lengths[index])
        made += cut(some, lengths, tokens)
    random.shuffle(made)
    return made

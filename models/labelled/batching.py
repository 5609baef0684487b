"""Texts of like length together, so that little of a batch is padding."""

from collections.abc import Sequence


def cut(order: Sequence[int], lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """The indices of `order`, whose lengths rise, in batches of at most `tokens` with padding.

    A text that is longer than that is alone.
    """
    made: list[list[int]] = []
    for index in order:
        if made and (len(made[-1]) + 1) * lengths[index] <= tokens:
            made[-1].append(index)
        else:
            made.append([index])
    return made

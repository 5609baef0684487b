"""Texts to features, once, in a child process: those of like length together."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.errors import RegistrationFailed
from models.labelled.batching import cut
from models.registration.checkpoint import import_torch

TOKENS = 2048
"""In a batch, padding included: workspace stays small, and cores have work."""

Features = NDArray[np.float64]
Tell = Callable[[int, int], None]
"""Told how many texts are read, and of how many."""


def read_tokens(tokenizer: Path, texts: Sequence[str], max_length: int) -> list[list[int]]:
    """Token ids of each text, cut to what the served model will read at once."""
    made = Tokenizer.from_file(str(tokenizer))
    made.no_padding()
    made.enable_truncation(max_length)
    ids = [encoding.ids for encoding in made.encode_batch(list(texts))]
    if empty := sum(not each for each in ids):
        raise RegistrationFailed(f"{empty} texts have nothing that the encoder can read")
    return ids


def compute(encoder: Any, ids: Sequence[Sequence[int]], pad: int, tell: Tell) -> Features:
    """Texts x features, in the order of `ids`."""
    torch = import_torch()
    found: dict[int, Any] = {}
    lengths = [len(each) for each in ids]
    shortest_first = sorted(range(len(ids)), key=lengths.__getitem__)
    with torch.inference_mode():
        for batch in cut(shortest_first, lengths, TOKENS):
            rows = encoder(*padded([ids[index] for index in batch], pad)).double().numpy()
            found |= dict(zip(batch, rows, strict=True))
            tell(len(found), len(ids))
    features: Features = np.stack([found[index] for index in range(len(ids))])
    if not np.isfinite(features).all():
        raise RegistrationFailed("the encoder's answers are no numbers: its weights are damaged")
    return features


def padded(rows: Sequence[Sequence[int]], pad: int, device: Any = "cpu") -> tuple[Any, Any]:
    """Ids and mask, texts x the longest of them."""
    torch = import_torch()
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows], device=device)
    mask = torch.tensor(
        [[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device
    )
    return ids, mask

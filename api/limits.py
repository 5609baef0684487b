"""How much of a request is taken."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of a request, and for how long (seconds)."""

    body_bytes: int
    text_chars: int
    batch_texts: int
    read_timeout: float

"""How much of a request is taken."""

from dataclasses import dataclass

from models.deadline import Deadlines


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of a request; its body within one of the deadlines `reading`."""

    body_bytes: int
    text_chars: int
    batch_texts: int
    reading: Deadlines

"""What a client is told of one text."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prediction:
    """One text's answer. `processing_seconds` counts from the parsed request, waiting included.

    `cache_hit`: it waited for no load; `cached`: it had been made before. `windows` were read.
    `version` is the one that answered, whatever was asked for.
    """

    text: str
    label: str
    confidence: float
    probabilities: Mapping[str, float]
    model_used: str
    cache_hit: bool
    truncated: bool
    processing_seconds: float
    cached: bool = False
    windows: int = 1
    version: str = ""

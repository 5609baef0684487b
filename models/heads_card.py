"""How a fitted head is written in a model's description, and read from it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from models.spec import FittedHead, HeadClass


def head_as_written(head: FittedHead) -> dict[str, Any]:
    """Without scores that are not defined: BentoML writes no None."""
    classes = [{k: v for k, v in asdict(each).items() if v is not None} for each in head.classes]
    return {**asdict(head), "classes": classes}


def read_head(written: Mapping[str, Any]) -> FittedHead:
    """Raises KeyError or TypeError for what was not written so."""
    classes = tuple(HeadClass(**each) for each in written["classes"])
    return FittedHead(**{**written, "classes": classes})

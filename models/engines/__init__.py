"""Engines: what executes one model. Light: engines import their runtimes themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """One text's answer: probabilities in the order of the engine's labels, summing to 1.

    `tokens` is how many tokens were read; `truncated` says that the text had more.
    """

    probabilities: tuple[float, ...]
    tokens: int
    truncated: bool


class Engine(Protocol):
    """One loaded model. `predict` may be called from several threads at once."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    def predict(self, texts: Sequence[str]) -> list[Row]:
        """Classify `texts`; one row each, in order."""
        ...

    def close(self) -> None: ...

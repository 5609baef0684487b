"""Engines: what executes one model. Light: engines import their runtimes themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """One text's answer: probabilities in the order of the engine's labels, summing to 1.

    A text longer than the model's input is read in `windows`, and the worst of them answers.
    `tokens` is how many tokens were read in all; `truncated` says that the text had more.
    """

    probabilities: tuple[float, ...]
    tokens: int
    truncated: bool
    windows: int = 1


class Engine(Protocol):
    """One loaded model. `predict` may be called from several threads at once."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def device(self) -> str:
        """Where it computes: "cpu", or "cuda:0" and so on."""
        ...

    @property
    def batch_proof(self) -> bool:
        """Does an answer stay the same (within 1e-3) whatever else is in its batch?"""
        ...

    def predict(self, texts: Sequence[str]) -> list[Row]:
        """Classify `texts`; one row each, in order."""
        ...

    def close(self) -> None: ...

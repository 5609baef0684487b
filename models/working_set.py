"""Which models are worth having in memory, judged by how they were used so far."""

from dataclasses import dataclass

from cache.entry import decayed
from cache.ledger import HALF_LIFE
from models.journal import History


@dataclass(frozen=True, slots=True)
class Worth:
    """Of one model: its decayed number of accesses, and seconds of loading saved per byte.

    `score` is frequency x load seconds / bytes; None while no load of it is known.
    """

    model: str
    frequency: float
    score: float | None


def worth(history: History, half_life: float = HALF_LIFE) -> tuple[Worth, ...]:
    """Every model that was accessed, the most valuable first, those without a score last.

    An access counts 1 when it happens, and half as much with every `half_life` accesses of all
    models together since.
    """
    found = [
        Worth(model, frequency, _score(history, model, frequency))
        for model, frequency in _frequencies(history, half_life).items()
    ]
    return tuple(sorted(found, key=_order))


def _frequencies(history: History, half_life: float) -> dict[str, float]:
    last: dict[str, tuple[float, int]] = {}
    for number, access in enumerate(history.accesses, start=1):
        frequency, before = last.get(access.model, (0.0, number))
        last[access.model] = (decayed(frequency, number - before, half_life) + 1.0, number)
    end = len(history.accesses)
    return {
        model: decayed(frequency, end - number, half_life)
        for model, (frequency, number) in last.items()
    }


def _score(history: History, model: str, frequency: float) -> float | None:
    figures = history.loads.get(model)
    if figures is None or figures.bytes <= 0:
        return None
    return frequency * figures.seconds / figures.bytes


def _order(value: Worth) -> tuple[bool, float, float, str]:
    return value.score is None, -(value.score or 0.0), -value.frequency, value.model

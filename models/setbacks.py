"""What is held against versions that could not take the place of the one in memory."""

from dataclasses import dataclass
from datetime import datetime

from cache.ports import OutOfMemory
from models.errors import ModelError, ModelNotFound, ModelNotRegistered
from models.spec import StoredModel


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a version did not take another's place, and when (monotonic seconds).

    `held`: it is the version's own fault, so that the last good one is loaded in its place.
    `on_trial`: it runs and failed its samples, so that it is not even tried again by itself.
    """

    error: str
    at: float
    held: bool
    on_trial: bool


class Setbacks:
    """By version, as it was registered: one that is registered again begins anew."""

    def __init__(self) -> None:
        self._noted: dict[str, tuple[datetime, Setback]] = {}

    def note(self, stored: StoredModel, setback: Setback) -> None:
        self._noted[_key(stored)] = (stored.created_at, setback)

    def of(self, stored: StoredModel) -> Setback | None:
        if not self._noted:
            return None
        noted = self._noted.get(_key(stored))
        return noted[1] if noted is not None and noted[0] == stored.created_at else None

    def forget(self, key: str) -> None:
        self._noted.pop(key, None)


def is_to_blame(error: Exception) -> bool:
    """Say whether the version itself failed, and not the memory, the store or the operator."""
    gone = isinstance(error, ModelNotFound | ModelNotRegistered)
    return isinstance(error, ModelError) and not gone and not isinstance(error, OutOfMemory)


def _key(stored: StoredModel) -> str:
    return f"{stored.name}:{stored.version}"

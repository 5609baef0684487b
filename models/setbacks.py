"""What is held against versions that could not take the place of the one in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from cache.ports import OutOfMemory
from models.errors import ModelError, ModelNotFound, ModelNotRegistered
from models.spec import StoredModel


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a version did not take another's place, and when (monotonic seconds).

    `held`: it is the version's own fault, so that the last good one is loaded in its place.
    `on_trial`: it runs and failed its samples, so that it is not even tried again by itself.
    `instead` is the key of the one that kept its place.
    """

    error: str
    at: float
    held: bool
    on_trial: bool
    instead: str


@dataclass(frozen=True, slots=True)
class Noted:
    """A setback of a version that was registered then."""

    registered: datetime
    setback: Setback


class Setbacks:
    """By key, as the version was registered: one that is registered again begins anew."""

    def __init__(self, noted: Mapping[str, Noted] = MappingProxyType({})) -> None:
        self._noted = dict(noted)
        self._on_change: Callable[[], object] = _nothing

    @property
    def noted(self) -> Mapping[str, Noted]:
        """All, whether their versions are there or not."""
        return self._noted

    def watch(self, on_change: Callable[[], object]) -> None:
        """Call `on_change` after each change."""
        self._on_change = on_change

    def note(self, stored: StoredModel, setback: Setback) -> None:
        self._noted[_key(stored)] = Noted(stored.created_at, setback)
        self._on_change()

    def of(self, stored: StoredModel) -> Setback | None:
        if not self._noted:
            return None
        noted = self._noted.get(_key(stored))
        same = noted is not None and noted.registered == stored.created_at
        return noted.setback if noted is not None and same else None

    def forget(self, key: str) -> None:
        if self._noted.pop(key, None) is not None:
            self._on_change()


def _nothing() -> None:
    """Nobody watches."""


def is_to_blame(error: Exception) -> bool:
    """Say whether the version itself failed, and not the memory, the store or the operator."""
    gone = isinstance(error, ModelNotFound | ModelNotRegistered)
    return isinstance(error, ModelError) and not gone and not isinstance(error, OutOfMemory)


def _key(stored: StoredModel) -> str:
    return f"{stored.name}:{stored.version}"

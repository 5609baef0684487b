"""Keys whose loads fail are left alone for a while, longer with each failure in a row. Pure."""

from dataclasses import dataclass

from cache.errors import Quarantined
from cache.ports import Key


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds that a key is left alone after its first failure in a row, and at the most."""

    base: float = 1.0
    most: float = 300.0

    def after(self, failures: int) -> float:
        """Twice as long with each failure in a row (binary exponential back-off)."""
        doublings = min(failures - 1, 60)
        return min(self.most, self.base * 2.0**doublings)


@dataclass(frozen=True, slots=True)
class Suspension:
    """How often in a row the key has failed, why the last time, and until when it is left alone."""

    failures: int
    error: str
    until: float


class Quarantine:
    """Who has failed, and may not be tried yet."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._suspended: dict[Key, Suspension] = {}

    def get(self, key: Key) -> Suspension | None:
        """What is held against `key`, also when it may be tried again."""
        return self._suspended.get(key)

    def check(self, key: Key, now: float) -> None:
        """Raise `Quarantined` if `key` may not be tried at `now`."""
        error = self.why(key, now)
        if error is not None:
            raise error

    def why(self, key: Key, now: float) -> Quarantined | None:
        """Why `key` may not be tried at `now`; None if it may."""
        suspension = self._suspended.get(key)
        if suspension is None or suspension.until <= now:
            return None
        left = suspension.until - now
        return Quarantined(
            f"{key} failed to load {suspension.failures} times in a row and is tried again in"
            f" {left:.0f} s; the last error: {suspension.error}",
            retry_after=left,
        )

    def failed(self, key: Key, error: str, now: float) -> Suspension:
        """Note a failure; the suspension that follows from it."""
        before = self._suspended.get(key)
        failures = 1 if before is None else before.failures + 1
        suspension = Suspension(failures, error, now + self._backoff.after(failures))
        self._suspended[key] = suspension
        return suspension

    def forgive(self, key: Key) -> None:
        """Hold nothing against `key` any more."""
        self._suspended.pop(key, None)

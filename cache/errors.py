"""What the cache raises."""


class CacheError(Exception):
    """Base of all errors of the cache."""


class TryLater(CacheError):
    """Not now; `retry_after` says in how many seconds it may be different."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InsufficientRoom(TryLater):
    """The key cannot be made resident: it does not fit, or no room came free in time."""


class TooManyWaiting(TryLater):
    """As many callers as are allowed wait for a load already."""


class Quarantined(TryLater):
    """The key has failed to load before and is left alone for a while."""


class CacheClosed(CacheError):
    """The cache is closing; nothing is leased or loaded any more."""


class LedgerError(CacheError):
    """The book was told something that cannot be: a defect in the caller."""

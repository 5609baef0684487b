"""What the cache raises."""


class CacheError(Exception):
    """Base of all errors of the cache."""


class InsufficientRoom(CacheError):
    """The key cannot be made resident: it does not fit, or no room came free in time."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyWaiting(CacheError):
    """As many callers as are allowed wait for a load already."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CacheClosed(CacheError):
    """The cache is closing; nothing is leased or loaded any more."""


class LedgerError(CacheError):
    """The book was told something that cannot be: a defect in the caller."""

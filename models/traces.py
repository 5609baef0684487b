"""Where an error was raised, without what it says: its message may quote a text of a request."""

import traceback
from collections.abc import Iterator


def places(error: BaseException) -> str:
    """The types and frames of an error and of what led to it, the first first.

    Messages are left out, but for the system's own words in an OSError.
    """
    told = ["".join(traceback.format_tb(each.__traceback__)) + _name(each) for each in _led(error)]
    return "\nwhich led to\n".join(reversed(told))


def _led(error: BaseException | None) -> Iterator[BaseException]:
    """The error, then what it came from; each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _name(error: BaseException) -> str:
    words = error.strerror if isinstance(error, OSError) else None
    return f"{type(error).__qualname__}: {words}" if words else type(error).__qualname__

"""What the cache asks of the world: a clock, and something that loads and unloads."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeVar

Key = str
"""Names one thing that may be resident. The cache gives it no meaning."""


HOST = ""
"""The `device` of what needs no memory but the machine's own."""


class Priority(IntEnum):
    """Eviction class; a lower class is evicted before a higher one."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known of a key before it is loaded.

    `size_estimate` is in bytes, headroom for work included; `load_seconds` is how long a load
    is expected to take; `ttl` is the age in seconds at which a resident expires, None for never.
    `priority` None means that nobody has fixed the class: it follows from usage. A key that needs
    memory of a `device` of its own, a GPU's, needs `device_estimate` bytes of that besides.
    """

    size_estimate: int
    load_seconds: float = 0.0
    priority: Priority | None = None
    ttl: float | None = None
    pinned: bool = False
    device: str = HOST
    device_estimate: int = 0


class OutOfMemory(Exception):  # a condition of the machine, not a defect
    """Raised by a load for which there was not the memory that had been reserved."""


class Clock(Protocol):
    """Where the shell reads the time, in seconds that never run backwards."""

    def monotonic(self) -> float: ...


class Loaded(Protocol):
    """A live resident: what a load produced."""

    @property
    def footprint(self) -> int:
        """Bytes it holds, as last measured."""
        ...

    @property
    def device_footprint(self) -> int:
        """Bytes it holds of its device's own memory, as last measured; 0 on the host."""
        ...

    async def measure(self) -> int:
        """Measure again, remember and return the footprint in bytes; 0 once it has ended."""
        ...

    async def close(self) -> None:
        """Give everything back. Returns once the memory is free; may be called again."""
        ...

    async def wait_ended(self) -> None:
        """Return when it has ended, by `close` or by itself."""
        ...


L = TypeVar("L", bound=Loaded)
L_co = TypeVar("L_co", bound=Loaded, covariant=True)


class Loader(Protocol[L_co]):
    """Makes residents."""

    async def terms(self, key: Key) -> Terms:
        """What to expect of a load; raises if `key` cannot be loaded at all."""
        ...

    async def load(self, key: Key) -> L_co:
        """Load `key`. When it raises, or is cancelled, nothing of the load may remain.

        Raises `OutOfMemory` where more memory might have helped.
        """
        ...

"""How long a resident stays that nobody asks for, and when one that is asked for is refreshed."""

from collections.abc import Iterable
from math import inf

from cache.entry import Entry, State
from cache.ports import Key


def expiry(entry: Entry) -> float | None:
    """When a resident expires (monotonic seconds) that is idle now; None for never, or not idle."""
    keep_alive, ttl = entry.keep_alive, entry.ttl
    if (keep_alive is None and ttl is None) or keep_alive == inf:
        return None
    if entry.leases or entry.refreshing or entry.state is not State.RESIDENT:
        return None
    return runs_out(entry)


def runs_out(entry: Entry) -> float | None:
    """When a resident expires if nobody asks for it from now on; None for never.

    With a keep-alive that is so long after the last lease; without, when it is as old as its TTL,
    counted from the load or the last refresh. A pinned one never expires.
    """
    if entry.pinned or entry.keep_alive == inf:
        return None
    if entry.keep_alive is not None:
        return entry.last_used + entry.keep_alive
    return None if entry.ttl is None else entry.since + entry.ttl


def overdue(entries: Iterable[Entry], now: float) -> list[Entry]:
    """Those whose time has run out. What only has a TTL, and time left, needs no closer look."""
    return [
        entry
        for entry in entries
        if ((ttl := entry.ttl) is not None and entry.since + ttl <= now)
        or entry.keep_alive is not None
        if (at := expiry(entry)) is not None and at <= now
    ]


def expired(entries: Iterable[Entry], now: float) -> tuple[Key, ...]:
    """Idle residents whose time has run out."""
    return tuple(entry.key for entry in overdue(entries, now))


def next_expiry(entries: Iterable[Entry]) -> float | None:
    """When the first of those that are idle expires; None where none does."""
    times = (expiry(entry) for entry in entries)
    return min((at for at in times if at is not None), default=None)


def refresh_at(entry: Entry, ahead: float) -> float | None:
    """When a resident in use is to be refreshed: in the last part, `ahead`, of its TTL; 0 is never.

    In use is what was asked for since it was loaded or last refreshed, what is pinned, and what
    somebody wants to be kept. None for what has no TTL, or is not in use: that may expire.
    """
    if entry.state is not State.RESIDENT or entry.ttl is None or entry.refreshing or not ahead:
        return None
    wanted = entry.asked or entry.pinned or entry.keep_alive is not None
    return entry.since + entry.ttl * (1.0 - ahead) if wanted else None


def due(entries: Iterable[Entry], now: float, ahead: float) -> tuple[Key, ...]:
    """Residents to be refreshed now."""
    return tuple(e.key for e in entries if (at := refresh_at(e, ahead)) is not None and at <= now)


def next_refresh(entries: Iterable[Entry], ahead: float) -> float | None:
    """When the first is to be refreshed; None where none is."""
    times = (refresh_at(entry, ahead) for entry in entries)
    return min((at for at in times if at is not None), default=None)

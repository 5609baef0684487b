"""Who may come in, and who has to go for it. Pure: the book and the time in, a decision out.

Rank is least recently used inside priority classes: the lower class first, then the entry whose
last lease ended longest ago. Leased, pinned, loading and draining entries are no candidates.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cache.ledger import Entry, State
from cache.ports import Key


@dataclass(frozen=True, slots=True)
class Limits:
    """What residents may use. `budget` is hard, in bytes; above `comfort` idle ones are evicted."""

    budget: int
    comfort: int
    max_entries: int


@dataclass(frozen=True, slots=True)
class Admit:
    """There is room now: reserve and load."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: drain `victims` (none to drain while others leave already), then ask again.

    `blockers` are the keys that are held in place by a lease or by a load under way.
    """

    victims: tuple[Key, ...]
    blockers: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """It can never fit beside what is pinned."""

    reason: str


Verdict = Admit | Wait | Refuse


@dataclass(frozen=True, slots=True)
class _Need:
    """Bytes and places that have yet to come free."""

    size: int
    places: int

    @property
    def met(self) -> bool:
        return self.size <= 0 and self.places <= 0

    def less(self, entry: Entry) -> "_Need":
        return _Need(self.size - entry.charged, self.places - 1)


def admit(entries: Iterable[Entry], size: int, limits: Limits) -> Verdict:
    """May a newcomer of `size` bytes be loaded beside `entries`?"""
    entries = tuple(entries)
    pinned = tuple(e for e in entries if e.pinned and e.state is not State.DRAINING)
    refusal = _refusal(pinned, size, limits)
    if refusal is not None:
        return refusal
    need = _Need(
        size - (limits.budget - sum(e.charged for e in entries)),
        len(entries) + 1 - limits.max_entries,
    )
    if need.met:
        return Admit()
    for entry in entries:
        if entry.state is State.DRAINING:
            need = need.less(entry)
    victims = _choose(rank(entries), need)
    if victims is None:
        return Wait((), tuple(e.key for e in entries if _held(e)))
    return Wait(tuple(e.key for e in victims), ())


def rank(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries that may be evicted, first to go first."""
    return tuple(
        sorted(
            (e for e in entries if evictable(e)),
            key=lambda e: (e.priority, e.last_used, e.key),
        )
    )


def evictable(entry: Entry) -> bool:
    return entry.state is State.RESIDENT and entry.leases == 0 and not entry.pinned


def expiry(entry: Entry) -> float | None:
    """When an idle resident is as old as its TTL, counted from the load; None for never."""
    return entry.since + entry.ttl if evictable(entry) and entry.ttl is not None else None


def expired(entries: Iterable[Entry], now: float) -> tuple[Key, ...]:
    """Idle residents that are as old as their TTL."""
    return tuple(e.key for e in entries if (at := expiry(e)) is not None and at <= now)


def surplus(entries: Iterable[Entry], allowed: int) -> tuple[Key, ...]:
    """Idle residents to evict, in rank order, until at most `allowed` bytes stay charged.

    What is leaving already counts as gone. Where even all idle ones are not enough, all go.
    """
    entries = tuple(entries)
    staying = [e for e in entries if e.state is not State.DRAINING]
    need = _Need(sum(e.charged for e in staying) - allowed, 0)
    order = rank(staying)
    victims = _choose(order, need)
    return tuple(e.key for e in (order if victims is None else victims))


def _refusal(pinned: tuple[Entry, ...], size: int, limits: Limits) -> Refuse | None:
    room = limits.budget - sum(e.charged for e in pinned)
    beside = " beside what is pinned" if pinned else ""
    if size > room:
        return Refuse(f"it needs {_mb(size)} and at most {_mb(max(room, 0))} can be had{beside}")
    if len(pinned) >= limits.max_entries:
        return Refuse(f"all {limits.max_entries} places are pinned")
    return None


def _choose(order: tuple[Entry, ...], need: _Need) -> tuple[Entry, ...] | None:
    """Entries of `order` whose leaving meets `need`, no more than needed; None if all don't.

    Taken in order until the need is met, then those it is met without are given back, the
    last to go first.
    """
    chosen: list[Entry] = []
    for entry in order:
        if need.met:
            break
        chosen.append(entry)
        need = need.less(entry)
    if not need.met:
        return None
    for entry in reversed(chosen[:-1]):
        without = _Need(need.size + entry.charged, need.places + 1)
        if without.met:
            chosen.remove(entry)
            need = without
    return tuple(chosen)


def _held(entry: Entry) -> bool:
    return entry.state is State.LOADING or entry.leases > 0


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

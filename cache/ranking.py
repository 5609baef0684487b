"""The order in which residents would go, and what keeps one from going.

Expired ones first, then by class, low before medium before high, then by score; recency and at
last the key break ties. Where nobody has fixed the class it follows from usage: it is the third
of the score's own order in which the entry stands, so that class and order never disagree.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cache.entry import Entry, State
from cache.lifetimes import is_over
from cache.ports import Key, Priority
from cache.scores import Scorer

_STICKY = 1 / 12
"""How far (as a part of all) an entry must stand beyond its class's third to leave the class."""

_LOAD_SHARE = 4
"""A place is given to another after as many load times at the earliest, see `young_until`."""


_CLASSES = tuple(Priority)


class Hold(StrEnum):
    """What keeps an entry from being evicted now."""

    LEASED = "leased"
    PINNED = "pinned"
    LOADING = "loading"
    LEAVING = "leaving"
    YOUNG = "young"


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry's place among all residents, 1 for the first to go, and what it was judged by."""

    entry: Entry
    place: int
    priority: Priority
    score: float
    hold: Hold | None


def hold(entry: Entry, now: float, guard: float) -> Hold | None:
    """What keeps `entry` from being evicted at `now`; None if it may go."""
    if entry.state is State.DRAINING:
        return Hold.LEAVING
    if entry.state is State.LOADING and entry.wanted:
        return Hold.LOADING
    if entry.pinned:
        return Hold.PINNED
    if entry.state is State.LOADING:
        return None
    if entry.leases:
        return Hold.LEASED
    return Hold.YOUNG if young_until(entry, guard) > now else None


def young_until(entry: Entry, guard: float) -> float:
    """Until when a resident is too young to make room for another.

    For four times as long as its load took, so that a place spends a fifth of its time on loads
    at most, and for `guard` seconds at the longest; but only once it was asked for again: what
    nobody has come back to is the best victim that there is.
    """
    if not entry.asked:
        return entry.landed
    return entry.landed + min(guard, _LOAD_SHARE * entry.load_seconds)


def order(entries: Collection[Entry], score: Scorer, now: float) -> Iterator[Entry]:
    """What is resident, or loads with nobody waiting for it, first to go first.

    Lazy: mostly the first few are all that is asked for.
    """
    ascending = _ascending(entries, score)
    if len(ascending) < len(entries):
        yield from (e for e in entries if e.state is State.LOADING and not e.wanted)
    over = [e for e in ascending if is_over(e, now)]
    yield from over
    gone = {entry.key for entry in over}
    yield from (e for e in _by_class(ascending) if e.key not in gone)


def classes(entries: Collection[Entry], score: Scorer) -> Mapping[Key, Priority]:
    """The class of each resident whose class is not fixed, as it follows from usage."""
    placed = _placed(_ascending(entries, score))
    return {entry.key: priority for entry, priority in placed if not entry.fixed}


def standings(
    entries: Collection[Entry], score: Scorer, now: float, guard: float
) -> tuple[Standing, ...]:
    """Everybody's place, to be shown."""
    named = classes(entries, score)
    return tuple(
        Standing(e, place, named.get(e.key, e.priority), score(e), hold(e, now, guard))
        for place, e in enumerate(order(entries, score, now), start=1)
    )


def _ascending(entries: Collection[Entry], score: Scorer) -> list[Entry]:
    """The residents by score, recency, and key."""
    resident = State.RESIDENT
    keyed = [(score(e), e.last_used, e.key, e) for e in entries if e.state is resident]
    keyed.sort()
    return [item[3] for item in keyed]


def _by_class(ascending: list[Entry]) -> Iterator[Entry]:
    """Fixed low, low, medium fixed or not, high, fixed high; each by what it was sorted by."""
    fixed = [entry for entry in ascending if entry.fixed]
    yield from (entry for entry in fixed if entry.priority is Priority.LOW)
    for wanted in Priority:
        yield from (
            entry
            for entry, priority in _placed(ascending)
            if priority is wanted and (not entry.fixed or wanted is Priority.MEDIUM)
        )
    yield from (entry for entry in fixed if entry.priority is Priority.HIGH)


def _placed(ascending: list[Entry]) -> Iterator[tuple[Entry, Priority]]:
    """Each with its class: fixed, or its third of those that are not."""
    edges = _edges(len(ascending) - sum([entry.fixed for entry in ascending]))
    index = 0
    for entry in ascending:
        if entry.fixed:
            yield entry, entry.priority
            continue
        low, high = edges[entry.priority]
        yield entry, _CLASSES[0 if index < low else 1 if index < high else 2]
        index += 1


def _edges(total: int) -> tuple[tuple[float, float], ...]:
    """By its former class, below which places an entry is of the low, and of the medium class.

    The classes are thirds of `total` places; who was in the next one stays there until he is well
    beyond the edge.
    """
    low, high, slack = total / 3 - 0.5, total * 2 / 3 - 0.5, _STICKY * total
    return (low + slack, high), (low - slack, high + slack), (low, high - slack)

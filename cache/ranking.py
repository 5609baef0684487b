"""The order in which residents would go, and what keeps one from going.

Expired ones first, then by class, low before medium before high, then by score; recency and at
last the key break ties. Where nobody has fixed the class it follows from usage: it is the third
of the score's own order in which the entry stands, so that class and order never disagree.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cache.entry import Entry, State
from cache.lifetimes import overdue
from cache.ports import Key, Priority

_STICKY = 1 / 12
"""How far (as a part of all) an entry must stand beyond its class's third to leave the class."""

_FEW = 32
"""Of as many the order is found one at a time: cheaper than to sort a thousand."""

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

    For as long as its load took, so that a place spends half of its time on loads at most, and for
    `guard` seconds at the longest; but only once it was asked for again: what nobody has come back
    to is the best victim that there is.
    """
    if not entry.asked:
        return entry.landed
    return entry.landed + min(guard, entry.load_seconds)


def order(entries: Collection[Entry], now: float) -> Iterator[Entry]:
    """What is resident, or loads with nobody waiting for it, first to go first.

    Lazy: mostly the first few are all that is asked for.
    """
    ranked = _ranked(entries)
    if len(ranked) < len(entries):
        yield from (e for e in entries if e.state is State.LOADING and not e.wanted)
    over = sorted(_ranked(overdue(entries, now)))
    yield from (entry for *_, entry in over)
    gone = {entry.key for *_, entry in over}
    yield from (entry for *_, entry in _by_class(ranked) if entry.key not in gone)


def classes(entries: Collection[Entry]) -> Mapping[Key, Priority]:
    """The class of each resident whose class is not fixed, as it follows from usage."""
    loose = sorted(r for r in _ranked(entries) if not r[3].fixed)
    return {entry.key: priority for (*_, entry), priority in _placed(loose, len(loose))}


def standings(entries: Collection[Entry], now: float, guard: float) -> tuple[Standing, ...]:
    """Everybody's place, to be shown."""
    named = classes(entries)
    return tuple(
        Standing(e, place, named.get(e.key, e.priority), hold(e, now, guard))
        for place, e in enumerate(order(entries, now), start=1)
    )


_Ranked = tuple[float, float, Key, Entry]
"""An entry behind what it is sorted by: score, recency, and key."""


def _ranked(entries: Collection[Entry]) -> list[_Ranked]:
    """The residents, in no order yet."""
    resident = State.RESIDENT
    return [(e.score, e.last_used, e.key, e) for e in entries if e.state is resident]


def _by_class(ranked: list[_Ranked]) -> Iterator[_Ranked]:
    """Fixed low, low, medium fixed or not, high, fixed high; each in its order."""
    fixed = sorted([r for r in ranked if r[3].fixed])
    loose = _Rising([r for r in ranked if not r[3].fixed] if fixed else ranked)

    def both(wanted: Priority) -> tuple[Iterator[_Ranked], Iterator[_Ranked]]:
        return (
            (r for r in fixed if r[3].priority is wanted),
            (r for r, priority in _placed(loose, len(loose)) if priority is wanted),
        )

    for wanted in both(Priority.LOW):
        yield from wanted
    yield from heapq.merge(*both(Priority.MEDIUM))
    for wanted in reversed(both(Priority.HIGH)):
        yield from wanted


class _Rising:
    """Goes through what is ranked in order, and puts it in order no further than is asked."""

    def __init__(self, ranked: list[_Ranked]) -> None:
        self._sorted: list[_Ranked] = []
        self._rest = ranked.copy()
        heapq.heapify(self._rest)

    def __len__(self) -> int:
        return len(self._sorted) + len(self._rest)

    def __iter__(self) -> Iterator[_Ranked]:
        for index in range(len(self)):
            if index == len(self._sorted):
                self._sort_on()
            yield self._sorted[index]

    def _sort_on(self) -> None:
        """One by one at first; who wants more than that will want all."""
        if len(self._sorted) < _FEW:
            self._sorted.append(heapq.heappop(self._rest))
        else:
            self._sorted += sorted(self._rest)
            self._rest.clear()


def _placed(rising: Iterable[_Ranked], total: int) -> Iterator[tuple[_Ranked, Priority]]:
    """Each with its class, which is its third of all `total` whose class is not fixed."""
    edges = _edges(total)
    for index, ranked in enumerate(rising):
        low, high = edges[ranked[3].priority]
        yield ranked, _CLASSES[0 if index < low else 1 if index < high else 2]


def _edges(total: int) -> tuple[tuple[float, float], ...]:
    """By its former class, below which places an entry is of the low, and of the medium class.

    The classes are thirds of `total` places; who was in the next one stays there until he is well
    beyond the edge.
    """
    low, high, slack = total / 3 - 0.5, total * 2 / 3 - 0.5, _STICKY * total
    return (low + slack, high), (low - slack, high + slack), (low, high - slack)

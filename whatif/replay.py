"""A trace through the cache's real book and real rules, for one caller after another.

Nothing overlaps: a load has landed and its lease has ended before the next access. So there is
nothing to wait for, no churn guard, and time only has to tell which access came last: it is the
number of the access. Neither TTLs nor the comfort mark take part.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cache import ranking
from cache.entry import Entry
from cache.events import Cause
from cache.ledger import HALF_LIFE, Ledger
from cache.policy import Limits, Policy, Refuse, Wait
from cache.ports import Key, Terms
from cache.scores import Scorer
from whatif.trace import Thing, Trace

_MANY = 1 << 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trace's accesses: each was a hit, a miss, or refused for want of room.

    The refused are loaded each time all the same, beside the cache: `load_seconds` has theirs.
    `peak` is the most bytes that were charged at once.
    """

    hits: int
    misses: int
    refused: int
    load_seconds: float
    evictions: int
    peak: int

    @property
    def accesses(self) -> int:
        return self.hits + self.misses + self.refused

    @property
    def hit_rate(self) -> float:
        """Hits of all accesses; 0.0 when there were none."""
        return self.hits / self.accesses if self.accesses else 0.0

    @property
    def load_seconds_per_1000(self) -> float:
        """Seconds of loading for every thousand accesses."""
        return self.load_seconds / self.accesses * 1000.0 if self.accesses else 0.0


Choice = Callable[[Policy, Wait, Sequence[Entry], float], Sequence[Key]]
"""Who of the entries is drained now: the policy, what it said, the entries, the time."""


def planned(_policy: Policy, wait: Wait, _entries: Sequence[Entry], _now: float) -> Sequence[Key]:
    """As the service does it: all victims at once, those that are not needed given back."""
    return wait.victims


def one_by_one(policy: Policy, _wait: Wait, entries: Sequence[Entry], now: float) -> Sequence[Key]:
    """As the literature does it: the first to go, then see whether it is enough."""
    return [policy.candidates(entries, now)[0].key]


def replay(
    trace: Trace,
    score: Scorer,
    budget: int,
    *,
    half_life: float = HALF_LIFE,
    max_entries: int = _MANY,
    classed: bool = True,
    choose: Choice = planned,
) -> Outcome:
    """What the accesses would have come to within `budget` bytes and `max_entries` places.

    `half_life` is the ledger's. `classed`: classes follow from usage, with their hysteresis.
    """
    limits = Limits(budget, comfort=budget, max_entries=max_entries)
    run = _Run(trace, Policy(score, churn_guard=0.0), limits, half_life, choose, classed=classed)
    for number, access in enumerate(trace.accesses, start=1):
        run.ask(access.name, float(number))
    return run.outcome()


class _Run:
    """The state of one replay."""

    def __init__(
        self,
        trace: Trace,
        policy: Policy,
        limits: Limits,
        half_life: float,
        choose: Choice,
        *,
        classed: bool,
    ) -> None:
        self._things = trace.things
        self._terms = {name: _terms(thing) for name, thing in trace.things.items()}
        self._policy = policy
        self._limits = limits
        self._ledger = Ledger(policy.score, half_life)
        self._choose = choose
        self._classed = classed
        self._loads: list[float] = []
        self._hits = self._refused = self._evictions = self._held = self._peak = 0

    def ask(self, name: Key, now: float) -> None:
        """One access."""
        if self._ledger.get(name) is not None:
            self._ledger.lease(name, now)
            self._ledger.release(name, now)
            self._hits += 1
            return
        self._loads.append(self._things[name].load_seconds)
        if self._make_room(name, now):
            self._load(name, now)
        else:
            self._refused += 1

    def outcome(self) -> Outcome:
        misses = len(self._loads) - self._refused
        seconds = math.fsum(self._loads)
        return Outcome(self._hits, misses, self._refused, seconds, self._evictions, self._peak)

    def _make_room(self, name: Key, now: float) -> bool:
        """Evict until the policy admits; False if it refuses."""
        while True:
            entries = self._ledger.entries()
            verdict = self._policy.admit(entries, self._terms[name], self._limits, now)
            if not isinstance(verdict, Wait):
                return not isinstance(verdict, Refuse)
            victims = self._choose(self._policy, verdict, entries, now)
            if not victims:
                raise AssertionError(f"{name} waits at access {now:g}, and nobody is to go")
            for key in victims:
                self._evict(key, name)
            if self._classed:
                self._classify()

    def _evict(self, key: Key, room_for: Key) -> None:
        entry = self._ledger.get(key)
        assert entry is not None  # noqa: S101  # the policy names none but entries of the book
        self._ledger.age(entry)
        self._ledger.drain(key, Cause.EVICTED, room_for)
        self._ledger.gone(key)
        self._held -= entry.charged
        self._evictions += 1

    def _classify(self) -> None:
        entries = self._ledger.entries()
        found = ranking.classes(entries)
        for entry in entries:
            priority = found.get(entry.key, entry.priority)
            if priority is not entry.priority:
                self._ledger.classify(entry.key, priority)

    def _load(self, name: Key, now: float) -> None:
        """Reserved before time zero and landed at it, so that the load takes exactly as long."""
        thing = self._things[name]
        self._held += self._ledger.reserve(name, self._terms[name], -thing.load_seconds).charged
        self._peak = max(self._peak, self._held)
        self._ledger.settle(name, thing.bytes, 0.0, leases=1)
        self._ledger.release(name, now)


def _terms(thing: Thing) -> Terms:
    return Terms(
        size_estimate=thing.bytes,
        load_seconds=thing.load_seconds,
        priority=thing.priority,
        pinned=thing.pinned,
    )

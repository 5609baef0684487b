"""Whom a replay compares: what the service offers, what others do, and a view of the future."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cache.entry import Entry
from cache.scores import POLICIES, Scorer
from whatif.trace import Trace, next_uses


def lfu(entry: Entry) -> float:
    """Least frequently used: plain leases since it was loaded, as libraries of caches count."""
    return float(entry.asked)


def largest_first(entry: Entry) -> float:
    """The more bytes the sooner, as LocalAI chooses between backends that are idle."""
    return -float(entry.footprint)


def farthest_next_use(trace: Trace) -> Scorer:
    """Whoever is asked for again latest goes first: a reference that knows the whole trace.

    It has the fewest misses there can be where all sizes are equal: L. A. Belady, "A study of
    replacement algorithms for a virtual-storage computer", IBM Systems Journal 5 (1966), 78-101.
    Where sizes or load times differ it is not the best there is, and a policy that weighs them
    may well do better. Reads the position from `last_used`, which is a replay's access number.
    """
    following = next_uses(trace)

    def score(entry: Entry) -> float:
        return -float(following[int(entry.last_used) - 1])

    return score


@dataclass(frozen=True, slots=True)
class Contender:
    """A policy to replay. `offered`: the service has it (then with its classes)."""

    name: str
    scorer: Callable[[Trace], Scorer]
    offered: bool = False


def _always(score: Scorer) -> Callable[[Trace], Scorer]:
    """The same score whatever the trace."""
    return lambda _trace: score


CONTENDERS: Mapping[str, Contender] = {
    contender.name: contender
    for contender in (
        *(Contender(name, _always(score), offered=True) for name, score in POLICIES.items()),
        Contender("lfu", _always(lfu)),
        Contender("largest-first", _always(largest_first)),
        Contender("farthest-next-use", farthest_next_use),
    )
}
"""By the names the scripts know them by."""

"""What a resident is worth keeping for: the lower the score, the sooner it goes."""

from collections.abc import Callable, Mapping

from cache.entry import Entry

_MB = 10**6

Scorer = Callable[[Entry], float]
"""Ranks the entries of one class. Pure; the higher the more worth keeping."""


def gdsf(entry: Entry) -> float:
    """GreedyDual-Size-Frequency: load seconds saved per MB held, aged.

    `H = L + F * C / S`: F is how often it is leased (decayed, see `Entry.frequency`), C its
    measured load in seconds (smoothed over its loads), S its measured MB, and L the ageing clock
    as of its last lease: the highest score that was ever evicted, so that what was worth much
    long ago falls behind.
    With C = 1 and no decay it is the policy of L. Cherkasova, "Improving WWW Proxies Performance
    with Greedy-Dual-Size-Frequency Caching Policy", HP Laboratories HPL-98-69R1 (1998), which
    extends GreedyDual-Size (Cao and Irani, USENIX Symposium on Internet Technologies, 1997).
    """
    return entry.floor + entry.frequency * entry.cost * _MB / (entry.footprint or 1)


def lru(entry: Entry) -> float:
    """Least recently used: the time at which its last lease began or ended."""
    return entry.last_used


POLICIES: Mapping[str, Scorer] = {"gdsf": gdsf, "lru": lru}
"""By the names that `eviction_policy` knows."""

"""Hits that libCacheSim counted for these traces: the PyPI package libcachesim, 0.3.5.

`measure` counts them anew where the package is installed. It cannot be in the locks: it asks for
boto3, whose python-dateutil is older than the one BentoML has here, and it has no wheels for ARM.
`pip install --no-deps libcachesim==0.3.5` is enough for what is used here.
"""

import importlib
import random
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from cache.ports import Priority
from whatif.trace import Access, Thing, Trace

PER_BYTE = 1e6
"""What libCacheSim's GDSF divides by the bytes: ours says it per MB, and so has the same floats."""

EQUAL = (1 << 20,)
UNEQUAL = (45, 90, 130, 260, 440, 440, 520, 740, 1340)
REQUESTS = 6_000


@dataclass(frozen=True, slots=True)
class Case:
    """A trace, and libCacheSim's hits: in the textbook's order, and by its own `get`."""

    policy: str
    sizes: tuple[int, ...]
    seed: int
    textbook: int
    by_get: int


CASES = (
    Case("LRU", EQUAL, 1, 4407, 4407),
    Case("LRU", EQUAL, 2, 4368, 4368),
    Case("LRU", UNEQUAL, 1, 4468, 4468),
    Case("LRU", UNEQUAL, 2, 4503, 4503),
    Case("GDSF", EQUAL, 1, 4667, 4715),
    Case("GDSF", EQUAL, 2, 4705, 4719),
    Case("GDSF", UNEQUAL, 1, 5173, 5209),
    Case("GDSF", UNEQUAL, 2, 5276, 5314),
)


def zipf(sizes: tuple[int, ...], seed: int) -> tuple[Trace, int]:
    """Forty things that take a second to load, a Zipf 0.9 trace, a budget of half of all bytes.

    The class is fixed, for libCacheSim has none.
    """
    source = random.Random(seed)  # noqa: S311  # a simulation
    names = [str(number) for number in range(40)]
    things = {n: Thing(source.choice(sizes), 1.0, Priority.MEDIUM) for n in names}
    source.shuffle(names)
    weights = list(accumulate(rank**-0.9 for rank in range(1, 41)))
    drawn = source.choices(names, cum_weights=weights, k=REQUESTS)
    trace = Trace(things, [Access(float(at), name) for at, name in enumerate(drawn)])
    return trace, trace.bytes // 2


def measure(policy: str, trace: Trace, budget: int, *, textbook: bool) -> int:
    """Hits in libCacheSim's cache of that name, "LRU" or "GDSF".

    Its own `get` inserts first and evicts then, so that GDSF may throw out the newcomer itself.
    In `textbook` order the same cache is told to evict until there is room, and to insert then.
    """
    library: Any = importlib.import_module("libcachesim")
    cache = getattr(library, policy)(cache_size=budget, hashpower=10)
    hits = 0
    for access in trace.accesses:
        size = trace.things[access.name].bytes
        request = library.Request(obj_size=size, obj_id=int(access.name) + 1)
        hits += _textbook(cache, request, size) if textbook else cache.get(request)
    return hits


def _textbook(cache: Any, request: Any, size: int) -> bool:
    if cache.find(request) is not None:
        return True
    while cache.get_occupied_byte() + size > cache.cache_size:
        cache.evict(request)
    cache.insert(request)
    return False

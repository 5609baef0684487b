"""The stated simulation: forty models of usual sizes, asked for as Zipf has it.

`random.Random` is seeded, so that every machine draws the same.
"""

import random
from dataclasses import dataclass
from itertools import accumulate

from whatif.trace import Access, Thing, Trace

MB = 1_000_000
SIZES_MB = (45, 90, 130, 260, 440, 440, 520, 740, 1340)
"""Of quantised small models up to large ones; 440 MB, a base model, is drawn twice as often."""

SPEEDS_MB = (400, 900, 1500)
"""MB/s that a load reads with."""

_BASE_SECONDS = 0.15
_SLOW_SECONDS = 3.0
_SLOW_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Workload:
    """What to draw. `rotations`: how often the order of popularity moves on by a fifth.

    `slow`: whether 12 % of the models take 3 seconds longer to load.
    """

    name: str
    rotations: int = 0
    slow: bool = True
    models: int = 40
    requests: int = 12_000
    exponent: float = 0.9


STATED = (
    Workload("base"),
    Workload("rotated", rotations=8),
    Workload("none slow", slow=False),
)


def draw(workload: Workload, seed: int) -> Trace:
    """The trace of a workload; the same models for the same seed in every workload."""
    source = random.Random(seed)  # noqa: S311  # a simulation
    names = [f"model-{number:02}" for number in range(workload.models)]
    things = _things(names, workload, source)
    source.shuffle(names)
    return Trace(things, _accesses(names, workload, source))


def half(trace: Trace) -> int:
    """The stated budget: half of all bytes."""
    return trace.bytes // 2


def _things(names: list[str], workload: Workload, source: random.Random) -> dict[str, Thing]:
    sizes = [source.choice(SIZES_MB) for _ in names]
    seconds = [_BASE_SECONDS + size / source.choice(SPEEDS_MB) for size in sizes]
    slow = source.sample(range(len(names)), round(_SLOW_SHARE * len(names)))
    for index in slow if workload.slow else ():
        seconds[index] += _SLOW_SECONDS
    return {
        name: Thing(size * MB, load) for name, size, load in zip(names, sizes, seconds, strict=True)
    }


def _accesses(
    popularity: list[str], workload: Workload, source: random.Random
) -> tuple[Access, ...]:
    """One a second. The run has one phase more than rotations, all of the same length."""
    weights = list(accumulate(rank**-workload.exponent for rank in range(1, len(popularity) + 1)))
    ranks = source.choices(range(len(popularity)), cum_weights=weights, k=workload.requests)
    step = len(popularity) // 5
    phases = workload.rotations + 1
    return tuple(
        Access(
            float(number),
            popularity[(rank + step * (number * phases // workload.requests)) % len(popularity)],
        )
        for number, rank in enumerate(ranks)
    )

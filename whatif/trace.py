"""What is replayed: who was asked for, in which order, and what a load of each costs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cache.ports import Key, Priority
from models.journal import History
from whatif.errors import WhatIfError


class Access(NamedTuple):
    """One request for a thing; `at` is in seconds, of any clock that never runs backwards."""

    at: float
    name: Key


@dataclass(frozen=True, slots=True)
class Thing:
    """What may be resident: the bytes it holds, and how long (seconds) a load of it takes.

    `priority` None: nobody has fixed its class.
    """

    bytes: int
    load_seconds: float
    priority: Priority | None = None
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """Accesses, oldest first, and every thing they name.

    `left_out` counts, by name, accesses to things of which no load is known.
    """

    things: Mapping[Key, Thing]
    accesses: Sequence[Access]
    left_out: Mapping[Key, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """What all things hold together."""
        return sum(thing.bytes for thing in self.things.values())

    @property
    def largest(self) -> int:
        """Bytes of the largest thing."""
        return max((thing.bytes for thing in self.things.values()), default=0)

    @property
    def load_seconds(self) -> float:
        """What it would take to load for every access anew."""
        return math.fsum(self.things[access.name].load_seconds for access in self.accesses)

    @property
    def seconds(self) -> float:
        """From the first access to the last."""
        return self.accesses[-1].at - self.accesses[0].at if self.accesses else 0.0


def gather(things: Mapping[Key, Thing], accesses: Sequence[Access]) -> Trace:
    """The accesses by time, without those to unknown things, and only the things they name."""
    left_out: dict[Key, int] = {}
    known = []
    for access in sorted(accesses, key=lambda access: access.at):
        if access.name in things:
            known.append(access)
        else:
            left_out[access.name] = left_out.get(access.name, 0) + 1
    asked = {access.name for access in known}
    return Trace({k: thing for k, thing in things.items() if k in asked}, tuple(known), left_out)


def of_history(history: History, assumed: Thing | None = None) -> Trace:
    """A service's journal. Of what was never loaded in it, `assumed` tells the figures.

    Raises WhatIfError when there is nothing to replay.
    """
    if not history.accesses:
        raise WhatIfError("the journal is empty: let a service answer some requests first")
    things = {
        name: Thing(figures.bytes, figures.seconds)
        for name, figures in history.loads.items()
        if figures.bytes > 0
    }
    accesses = [Access(at, name) for at, name in history.accesses]
    if assumed is not None:
        things = {name: assumed for _, name in accesses} | things
    trace = gather(things, accesses)
    if not trace.accesses:
        raise WhatIfError(
            f"the journal has {len(accesses)} accesses and no load: let a service load the models"
            " once, or say what to assume (--assume-mb, --assume-load-seconds)"
        )
    return trace


def next_uses(trace: Trace) -> tuple[int, ...]:
    """For each access the index of the next one to the same thing, or their number."""
    following = [len(trace.accesses)] * len(trace.accesses)
    last: dict[Key, int] = {}
    for index, access in enumerate(trace.accesses):
        if access.name in last:
            following[last[access.name]] = index
        last[access.name] = index
    return tuple(following)

"""Where models are, before and after a replica is gone."""

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.replicas.asking import Asked

Loads = Mapping[str, Mapping[str, int]]
"""By replica, then by model."""


def homes(asked: Sequence[Asked]) -> dict[str, frozenset[str]]:
    """Which replicas have answered for each model."""
    found: dict[str, set[str]] = {}
    for one in asked:
        if not one.failure:
            found.setdefault(one.model, set()).add(one.replica)
    return {model: frozenset(replicas) for model, replicas in sorted(found.items())}


def shares(asked: Sequence[Asked]) -> str:
    """How many models each replica has answered for, the most first: "4 / 3 / 2"."""
    counted = Counter(replica for replicas in homes(asked).values() for replica in replicas)
    return " / ".join(str(count) for count in sorted(counted.values(), reverse=True))


def strays(
    before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]], gone: str
) -> list[str]:
    """Models of the other replicas that were answered for by another one than before."""
    return [
        model
        for model, replicas in before.items()
        if gone not in replicas and not after.get(model, replicas) <= replicas
    ]


def more(before: Loads, after: Loads, models: Sequence[str]) -> int:
    """How often the replicas that are left have loaded any of `models` in between."""
    return sum(
        loads[model] - before[replica][model]
        for replica, loads in after.items()
        for model in models
    )

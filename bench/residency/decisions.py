"""How long it takes to decide who has to go for a newcomer. In-process and pure, one core."""

import time
from collections.abc import Mapping
from random import Random
from statistics import median
from typing import Any

from bench.figures import quantile
from bench.report import Bar, Section, Table
from bench.setup import Setup
from cache.entry import Entry
from cache.ledger import Ledger
from cache.policy import Limits, Policy, Wait
from cache.ports import Terms
from cache.scores import POLICIES, Scorer, gdsf

MB = 10**6
SIZE = 100 * MB
COUNTS = (10, 100, 1000)
VICTIMS = (1, 10)
RUNS = 200
_BAR_COUNT, _BAR_MS = 1000, 1.0
_LEASES = 5
_BUSY = 20
_HOUR = 3600.0


class WrongVictims(Exception):
    """The decision is not the one that was to be timed."""


def run(setup: Setup) -> Section:
    runs = 20 if setup.quick else RUNS
    found = [
        _measure(policy, count, victims, runs)
        for policy in sorted(POLICIES)
        for count in COUNTS
        for victims in VICTIMS
        if victims < count
    ]
    return Section(
        "decisions",
        note=(
            f"`Policy.admit` for a newcomer, {runs} runs each: every twentieth resident is leased,"
            " all are of one size, so that the victims asked for are the victims there are."
        ),
        tables=(
            Table(
                "Time of one decision",
                ("policy", "residents", "victims", "median ms", "p99 ms"),
                [
                    (f["policy"], f["residents"], f["victims"], f["median_ms"], f["p99_ms"])
                    for f in found
                ],
            ),
        ),
        bars=tuple(_bar(f) for f in found if f["residents"] == _BAR_COUNT),
        data={"runs": runs, "decisions": found},
    )


def _bar(found: Mapping[str, Any]) -> Bar:
    name = (
        f"decision, {found['policy']}, {found['residents']} residents, {found['victims']} victims"
    )
    figure = found["median_ms"]
    return Bar(name, f"median below {_BAR_MS:g} ms", figure, met=figure < _BAR_MS)


def _measure(policy: str, count: int, victims: int, runs: int) -> dict[str, Any]:
    entries = residents(count, POLICIES[policy])
    limits = Limits(budget=count * SIZE, comfort=count * SIZE, max_entries=10 * count)
    terms, rules = Terms(size_estimate=victims * SIZE), Policy(POLICIES[policy])
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        verdict = rules.admit(entries, terms, limits, _HOUR)
        taken.append((time.perf_counter() - began) * 1e3)
        if not isinstance(verdict, Wait) or len(verdict.victims) != victims:
            raise WrongVictims(f"{policy} with {count} residents: {verdict}")
    return {
        "policy": policy,
        "residents": count,
        "victims": victims,
        "median_ms": median(taken),
        "p99_ms": quantile(taken, 0.99),
    }


def residents(count: int, score: Scorer = gdsf, seed: int = 7) -> tuple[Entry, ...]:
    """As many residents after some traffic: all SIZE bytes, loaded within the first 30 minutes."""
    random = Random(seed)  # noqa: S311  # the same residents every time
    ledger = Ledger(score)
    for number in range(count):
        key, began = f"model-{number:04}:1", random.uniform(0, _HOUR / 2)
        ledger.reserve(key, Terms(size_estimate=SIZE, ttl=2 * _HOUR), began)
        ledger.settle(key, SIZE, began + random.uniform(0.1, 5))
    for turn in range(count * _LEASES):
        key, at = f"model-{random.randrange(count):04}:1", _HOUR / 2 + turn / count
        ledger.lease(key, at)
        ledger.release(key, at + 0.01)
    for number in range(0, count, _BUSY):
        ledger.lease(f"model-{number:04}:1", _HOUR - 1)
    return ledger.entries()

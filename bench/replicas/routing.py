"""The same requests to three replicas, spread in three ways: how often is the model there?"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from bench.encoders import Shape
from bench.figures import spread
from bench.fleet import Model
from bench.replicas.asking import ask, failed, hit_rate, milliseconds
from bench.replicas.cluster import REPLICAS, cluster
from bench.replicas.judging import shares
from bench.replicas.proxy import haproxy
from bench.report import Bar, Section, Table
from bench.setup import Setup
from bench.traffic import Request, zipf
from bench.vocabularies import ENGLISH

NAMES = tuple(f"mini-{number}" for number in range(1, 10))
CALLERS, REQUESTS, ROUNDS, ROOM = 8, 600, 3, 4
HASHING, BOUNDED, ROBIN = "hashing", "hashing, bounded loads", "round robin"
_HASH, _TYPE = "balance hash var(txn.model)", "hash-type consistent sdbm avalanche"
WAYS: Mapping[str, Mapping[str, str]] = {
    HASHING: {},
    BOUNDED: {_TYPE: f"{_TYPE}\n    hash-balance-factor 150"},
    ROBIN: {_HASH: "balance roundrobin"},
}
"""What is changed in deploy/haproxy/haproxy.cfg."""

_BAR = 0.9


@dataclass(frozen=True, slots=True)
class Trial:
    """One round on three fresh replicas. `shares`: for how many models each of them answered."""

    way: str
    seed: int
    requests: int
    failed: int
    hit_rate: float
    loads: int
    shares: str
    p50_ms: float
    p99_ms: float
    seconds: float


def run(setup: Setup) -> Section:
    haproxy()
    trials = measured(setup)
    return Section(
        "routing",
        note=(
            f"{REPLICAS} replicas behind HAProxy with deploy/haproxy/haproxy.cfg, on one machine;"
            f" {len(NAMES)} int8 models of MiniLM's width, six layers, random weights; room for"
            f" {ROOM} on each replica (max_models); {trials[0].requests} distinct texts, models by"
            f" Zipf 0.9, {CALLERS} callers, {len({t.seed for t in trials})} seeds, fresh replicas"
            " for each run: the first loads are misses, and so is whoever waits for them. Round"
            " robin and bounded loads (hash-balance-factor 150) are the same file with one line"
            " changed. Medians of the seeds."
        ),
        tables=(_table(trials),),
        bars=_bars(trials),
        data={"trials": [asdict(trial) for trial in trials]},
    )


def models(setup: Setup) -> list[Model]:
    shape = Shape(ENGLISH, 32, 1) if setup.quick else Shape(ENGLISH, 384, 6)
    return [Model(name, shape, int8=True, seed=n) for n, name in enumerate(NAMES, 1)]


def measured(setup: Setup, ways: Sequence[str] = tuple(WAYS)) -> list[Trial]:
    """Each way with each seed."""
    setup.ensure(models(setup))
    return [
        _trial(setup, way, seed, zipf(NAMES, REQUESTS, seed))
        for seed in range(1, setup.rounds(ROUNDS) + 1)
        for way in ways
    ]


def _trial(setup: Setup, way: str, seed: int, todo: Sequence[Request]) -> Trial:
    with cluster(setup.store, {"MAX_MODELS": str(ROOM)}, WAYS[way]) as group:
        asked = asyncio.run(ask(group.proxy.port, todo, CALLERS))
        loads = group.loads(NAMES)
    done = Trial(
        way=way,
        seed=seed,
        requests=len(asked),
        failed=failed(asked),
        hit_rate=hit_rate(asked),
        loads=sum(sum(by_model.values()) for by_model in loads.values()),
        shares=shares(asked),
        p50_ms=milliseconds(asked, 0.5),
        p99_ms=milliseconds(asked, 0.99),
        seconds=max(one.until for one in asked) - min(one.at for one in asked),
    )
    setup.say(f"{way}, seed {seed}: hit rate {done.hit_rate:.1%}, {done.loads} loads")
    return done


def rate(trials: Sequence[Trial], way: str) -> float:
    """The hit rate, the median of the seeds."""
    return median(trial.hit_rate for trial in trials if trial.way == way)


def _table(trials: Sequence[Trial]) -> Table:
    rows = []
    for way in WAYS:
        own = [trial for trial in trials if trial.way == way]
        rates = spread([trial.hit_rate for trial in own])
        figures = (median(t.loads for t in own), *_medians(own), sum(t.failed for t in own))
        rows.append((way, rates.median, rates.least, own[0].shares, *figures))
    columns = ("", "hit rate", "worst seed", "models a replica", "loads", "p50 ms", "p99 ms")
    return Table("The same requests", (*columns, "s", "not answered"), rows)


def _medians(own: Sequence[Trial]) -> tuple[float, ...]:
    return tuple(median(getattr(t, name) for t in own) for name in ("p50_ms", "p99_ms", "seconds"))


def _bars(trials: Sequence[Trial]) -> tuple[Bar, ...]:
    hashed, robin = rate(trials, HASHING), rate(trials, ROBIN)
    lost = sum(trial.failed for trial in trials)
    return (
        Bar("hit rate with hashing", f"above {_BAR:g}", hashed, met=hashed > _BAR),
        Bar("hit rate with hashing less round robin's", "above 0", hashed - robin, hashed > robin),
        Bar("requests not answered", "0", lost, met=lost == 0),
    )

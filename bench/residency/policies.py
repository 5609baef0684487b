"""What the choice of who makes room saves: the same requests under each policy, in turn."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.client import Connection
from bench.figures import ratio
from bench.http import get
from bench.report import Bar, Section, Table
from bench.servers import Server
from bench.setup import Setup
from bench.traffic import Request, Sample, closed_loop, failures, milliseconds, zipf

POLICIES = ("lru", "gdsf")
CALLERS = 2
_LARGEST = 1.5
"""There is room for so many times the largest, headroom included, however small the budget."""

_USAGE, _ROOMY_MB = 0.8, 16000
_WATCH = 0.1
"""Seconds between two looks at the book."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What each model takes where there is room for all, and is charged with its headroom: MB; and
    seconds to load.
    """

    footprints: Mapping[str, float]
    charged: Mapping[str, float]
    loads: Mapping[str, float]
    service_mb: float

    def limit_mb(self, part: float) -> float:
        """With which the budget is about that part of what all are charged."""
        sizes = self.charged.values()
        budget = max(part * sum(sizes), _LARGEST * max(sizes))
        return (self.service_mb + budget) / _USAGE


@dataclass(frozen=True, slots=True)
class Run:
    """One sequence under one policy. `over_mb` is how far above the budget the worst look was.

    `by_model` has how often each model was loaded, and seconds for that in all. `load_cost` is
    what these loads would have taken had each been alone, in seconds: it is the same however
    busy the machine was.
    """

    policy: str
    seed: int
    requests: int
    ok: int
    hit_rate: float
    loads: int
    load_seconds: float
    load_cost: float
    p50_ms: float
    p99_ms: float
    seconds: float
    over_mb: float
    budget_mb: float
    failures: Mapping[str, int]
    by_model: Mapping[str, tuple[int, float]]


FIGURES = ("hit_rate", "loads", "load_seconds", "load_cost", "p50_ms", "p99_ms", "seconds")


def run(setup: Setup) -> Section:
    names = [model.name for model in setup.fleet()]
    probe = _probe(setup, names)
    runs = [
        _run(setup, probe, policy, seed, zipf(names, setup.requests, seed))
        for seed in setup.seeds
        for policy in POLICIES
    ]
    return Section(
        "policies",
        note=(
            f"{len(names)} models of {sum(probe.charged.values()):.0f} MB in all with headroom, a"
            f" budget for about {setup.budget:.0%} of that, {setup.requests} requests"
            f" (Zipf 0.9) by {CALLERS} callers, a fresh server for each run, policies in turn;"
            " the churn guard is the default. load_cost is what the loads would have taken one by"
            " one on a machine with nothing else to do. No load is admitted beyond the budget, but"
            " the budget is what the service's own use leaves, and both that and the models go on"
            " growing: a look may find more than was admitted. So it is told how far above the"
            " budget the worst look was, and no bar is set for it."
        ),
        tables=(_models(probe), _figures(runs), _ratios(runs)),
        bars=_bars(runs),
        data={"probe": asdict(probe), "runs": [asdict(r) for r in runs], "ratios": ratios(runs)},
    )


def _probe(setup: Setup, names: Sequence[str]) -> Probe:
    """Load each once where there is room for all; the second load finds the files in memory."""
    footprints, loads = {}, {}
    with setup.server({"MEMORY_LIMIT_MB": str(_ROOMY_MB)}) as server:
        for name in names:
            for action in ("load", "unload", "load"):
                server.post(f"/models/{name}/{action}")
            server.post("/predict", model_name=name, text="How large are you with a text in you?")
            time.sleep(_WATCH)
            told = server.get(f"/models/{name}")
            footprints[name] = told["memory_usage_mb"]
            loads[name] = told["model_info"]["load_time_seconds"]
            setup.say(f"{name}: {footprints[name]:.1f} MB, loaded in {loads[name]:.2f} s")
        service = server.get("/stats")["system_stats"]["service_mb"]
        standings = server.post("/cleanup", dry_run="true")["others"]
    charged = {standing["model"]: standing["charged_mb"] for standing in standings}
    return Probe(footprints, charged, loads, service)


def _run(setup: Setup, probe: Probe, policy: str, seed: int, todo: Sequence[Request]) -> Run:
    settings = {"EVICTION_POLICY": policy, "MEMORY_LIMIT_MB": f"{probe.limit_mb(setup.budget):.1f}"}
    with setup.server(settings) as server:
        began = time.monotonic()
        samples, over_mb = asyncio.run(_drive(server, todo))
        seconds = time.monotonic() - began
        stats = server.get("/stats")
        by_model = {name: _loads(server, name) for name in sorted({one.model for one in todo})}
    counted = stats["cache_stats"]["performance"]
    done = Run(
        policy=policy,
        seed=seed,
        requests=len(samples),
        ok=sum(sample.ok for sample in samples),
        hit_rate=counted["cache_hit_rate"],
        loads=counted["loads"],
        load_seconds=counted["load_seconds_total"],
        load_cost=sum(times * probe.loads[name] for name, (times, _) in by_model.items()),
        p50_ms=milliseconds(samples, 0.5),
        p99_ms=milliseconds(samples, 0.99),
        seconds=seconds,
        over_mb=over_mb,
        budget_mb=stats["system_stats"]["budget_mb"],
        failures=failures(samples),
        by_model=by_model,
    )
    setup.say(
        f"{policy}, seed {seed}: {done.ok} of {done.requests} answered, {done.loads} loads of"
        f" {done.load_seconds:.1f} s, {seconds:.1f} s in all"
        f" {done.failures or ''}"
    )
    return done


def _loads(server: Server, name: str) -> tuple[int, float]:
    counted = server.get(f"/models/{name}")["performance_metrics"]
    return counted["loads"], counted["load_seconds_total"]


async def _drive(server: Server, todo: Sequence[Request]) -> tuple[list[Sample], float]:
    """The samples, and how many MB above the budget were in use at worst."""
    over = [0.0]
    watch = asyncio.create_task(_watch(server.port, over))
    try:
        return await closed_loop(server.port, todo, CALLERS), max(over)
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(port: int, over: list[float]) -> None:
    async with Connection(port) as connection:
        while True:
            system = (await connection.ask(get("/stats"))).json()["system_stats"]
            over.append(system["tracked_mb"] - system["budget_mb"])
            await asyncio.sleep(_WATCH)


def ratios(runs: Sequence[Run]) -> dict[str, Any]:
    """gdsf ÷ lru for each figure: of each seed, and the median of those."""
    found: dict[str, Any] = {}
    for figure in FIGURES:
        by = {(r.policy, r.seed): float(getattr(r, figure)) for r in runs}
        each = {
            seed: ratio(by["gdsf", seed], by["lru", seed])
            for seed in sorted({r.seed for r in runs})
        }
        known = [value for value in each.values() if value is not None]
        found[figure] = {"median": median(known) if known else None, "seeds": each}
    return found


def _models(probe: Probe) -> Table:
    rows = [(name, mb, probe.loads[name]) for name, mb in probe.footprints.items()]
    return Table("Models", ("model", "footprint MB", "load s"), rows)


def _figures(runs: Sequence[Run]) -> Table:
    columns = ("policy", "seed", "answered", *FIGURES, "over budget MB, most")
    rows: list[Sequence[object]] = [
        (r.policy, r.seed, f"{r.ok}/{r.requests}", *(getattr(r, f) for f in FIGURES), r.over_mb)
        for r in runs
    ]
    for policy in POLICIES:
        own = [r for r in runs if r.policy == policy]
        middle = [median([float(getattr(r, figure)) for r in own]) for figure in FIGURES]
        rows.append((policy, "median", "", *middle, max(r.over_mb for r in own)))
    return Table("Each run, and the median of each policy", columns, rows)


def _ratios(runs: Sequence[Run]) -> Table:
    found = ratios(runs)
    seeds = sorted({r.seed for r in runs})
    columns = ("gdsf ÷ lru", *(f"seed {seed}" for seed in seeds), "median")
    rows = [
        (figure, *(found[figure]["seeds"][seed] for seed in seeds), found[figure]["median"])
        for figure in FIGURES
    ]
    return Table("Ratios; below 1 the default saves", columns, rows)


def _bars(runs: Sequence[Run]) -> tuple[Bar, ...]:
    failed = sum(r.requests - r.ok for r in runs)
    return (Bar("requests not answered, all runs", "0", failed, met=failed == 0),)

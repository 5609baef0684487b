"""Refreshes and swaps of versions under constant traffic: does anybody notice?

A TTL of minutes is compressed to seconds. A refresh tries the version in memory; a swap loads a
newer one beside it, tries that, and puts it in its place.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.client import follow_events
from bench.encoders import Shape
from bench.figures import quantile
from bench.fleet import Model
from bench.report import Bar, Section, Table
from bench.servers import Server
from bench.setup import Setup
from bench.traffic import Sample, milliseconds, open_loop, requests
from bench.vocabularies import ENGLISH
from models.spec import StoredModel

NAME = "refreshed"
VERSIONS = tuple(Model(NAME, Shape(ENGLISH, 384, 6), int8=True, seed=n) for n in (1, 2, 3))
TINY_VERSIONS = tuple(Model(NAME, Shape(ENGLISH, 32, 1), seed=n) for n in (11, 12))
TTL, LONG_TTL = "3", "86400"
RATE = 40.0
SECONDS, QUICK_SECONDS = 24.0, 8.0
"""Of traffic. New versions come in at even distances."""

_AROUND = 1.0
"""Seconds before and after an event in which the slowest request is looked for."""

_TIMES = 2.0


Occurrence = tuple[float, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the model, seconds after the traffic began, and the slowest request then.

    `undisturbed_ms` is the slowest at the same time of the phase without any refresh.
    """

    event: str
    at: float
    slowest_ms: float
    undisturbed_ms: float


@dataclass(frozen=True, slots=True)
class Phase:
    """Traffic on one server. `events` are those of the model, with when they came.

    Times are of the wall clock, in seconds.
    """

    began: float
    samples: Sequence[Sample]
    events: Sequence[Occurrence]
    version: str

    def between(self, first: float, last: float) -> list[Sample]:
        """Requests of which a part falls between; seconds after the beginning."""
        start, end = self.began + first, self.began + last
        return [s for s in self.samples if s.at <= end and s.until >= start]


def run(setup: Setup) -> Section:
    wanted = TINY_VERSIONS if setup.quick else VERSIONS
    stored = setup.ensure(wanted)
    versions = sorted(stored[: len(wanted)], key=lambda one: one.created_at)
    seconds = QUICK_SECONDS if setup.quick else SECONDS
    setup.say(f"{seconds:g} s without any refresh …")
    calm = _phase(setup, [*versions[:1], stored[-1]], LONG_TTL, [], seconds)
    setup.say(f"{seconds:g} s with a TTL of {TTL} s …")
    stirred = _phase(setup, [*versions[:1], stored[-1]], TTL, versions[1:], seconds)
    return _section(calm, stirred, versions)


def _phase(
    setup: Setup,
    first: Sequence[StoredModel],
    ttl: str,
    later: Sequence[StoredModel],
    seconds: float,
) -> Phase:
    """A server with a store of its own, in which `later` versions appear under way."""
    with tempfile.TemporaryDirectory(prefix="model-cache-bench-") as folder:
        store = Path(folder) / "models"
        for model in first:
            _copy(model, store)
        waiting = [_copy(model, Path(folder) / "incoming") for model in later]
        with setup.server({"CACHE_TTL": ttl}, store=store) as server:
            server.post(f"/models/{NAME}/load")
            phase = asyncio.run(_traffic(server, store / NAME, waiting, seconds))
            return Phase(*phase, _version(server))


def _copy(model: StoredModel, store: Path) -> Path:
    target = store / model.name / model.version
    shutil.copytree(model.path, target)
    return target


async def _traffic(
    server: Server, place: Path, waiting: Sequence[Path], seconds: float
) -> tuple[float, list[Sample], list[Occurrence]]:
    moments = [seconds * (n + 1) / (len(waiting) + 1) for n in range(len(waiting))]
    began, events = list[float](), list[Occurrence]()
    todo = requests([NAME], round(seconds * RATE))
    watching = asyncio.create_task(_watch(server.port, events))
    moving = asyncio.create_task(_move_in(place, waiting, moments))
    samples = await open_loop(server.port, todo, RATE, started=began.append)
    await moving
    await asyncio.sleep(_AROUND)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    return began[0], samples, events


async def _watch(port: int, events: list[Occurrence]) -> None:
    async with aclosing(follow_events(port)) as coming:
        async for at, event in coming:
            if event["model"].startswith(f"{NAME}:"):
                events.append((at, event))


async def _move_in(place: Path, waiting: Sequence[Path], moments: Sequence[float]) -> None:
    began = time.monotonic()
    for version, moment in zip(waiting, moments, strict=True):
        await asyncio.sleep(moment - (time.monotonic() - began))
        version.rename(place / version.name)


def _version(server: Server) -> str:
    return str(server.get(f"/models/{NAME}")["model_info"]["version"])


def changes(calm: Phase, stirred: Phase) -> list[Change]:
    """Each refresh and each swap while there was traffic."""
    found = []
    for came, event in stirred.events:
        kind, at = _kind(event), came - stirred.began
        around = stirred.between(at - _AROUND, at + _AROUND)
        if kind is not None and around:
            same = calm.between(at - _AROUND, at + _AROUND)
            found.append(Change(kind, at, _slowest(around), _slowest(same)))
    return found


def _kind(event: dict[str, Any]) -> str | None:
    if event["event"] == "refreshed":
        return "refresh"
    if event["event"] == "removed" and event["cause"] == "replaced":
        return "swap"
    return "refresh failed" if event["event"] == "refresh_failed" else None


def _slowest(samples: Sequence[Sample]) -> float:
    return max((sample.seconds for sample in samples), default=0.0) * 1e3


def _section(calm: Phase, stirred: Phase, versions: Sequence[StoredModel]) -> Section:
    found = changes(calm, stirred)
    first = min((change.at for change in found), default=float("inf"))
    before = [s for s in stirred.samples if s.until < stirred.began + first and s.ok]
    first_p99 = quantile([s.seconds for s in before], 0.99) * 1e3 if before else None
    calm_p99 = milliseconds(calm.samples, 0.99)
    return Section(
        "refresh",
        note=(
            f"{RATE:g} requests/s whatever happens, {len(calm.samples)} without any refresh and"
            f" {len(stirred.samples)} with a TTL of {TTL} s, each on a fresh server; time counts"
            " from when a request was due. New versions, that differ in their weights, were"
            " registered beforehand into another store; under traffic their finished folders are"
            " renamed into the server's store by this process. So what is measured is the swap:"
            " digests, load, try-out, switch, and the old runner's end."
        ),
        tables=(_phases(calm, stirred, first_p99), _changes(found)),
        bars=_bars(calm, stirred, found, len(versions)),
        data={
            "p99_without_refresh_ms": calm_p99,
            "slowest_without_refresh_ms": _slowest(calm.samples),
            "p99_before_first_refresh_ms": first_p99,
            "p99_with_refreshes_ms": milliseconds(stirred.samples, 0.99),
            "failures": [
                (sample.at - phase.began, sample.seconds, sample.failure)
                for phase in (calm, stirred)
                for sample in phase.samples
                if not sample.ok
            ],
            "changes": [asdict(change) for change in found],
            "versions": {"first": versions[0].version, "last": stirred.version},
        },
    )


def _bars(calm: Phase, stirred: Phase, found: Sequence[Change], versions: int) -> tuple[Bar, ...]:
    p99 = milliseconds(calm.samples, 0.99)
    failed = sum(not s.ok for s in (*calm.samples, *stirred.samples))
    swaps = [change.slowest_ms for change in found if change.event == "swap"]
    refreshes = [change.slowest_ms for change in found if change.event == "refresh"]
    allowed = f"at most {_TIMES:g} times the p99 without any refresh ({p99:.1f} ms)"
    around = f"± {_AROUND:g} s of a"
    fails = sum(change.event == "refresh failed" for change in found)
    return (
        Bar("failed requests", "0", failed, met=failed == 0),
        Bar("refreshes that failed", "0", fails, met=fails == 0),
        Bar("versions swapped", f"{versions - 1}", len(swaps), met=len(swaps) == versions - 1),
        _slowest_bar(f"slowest request {around} refresh, ms", allowed, refreshes, p99),
        _slowest_bar(f"slowest request {around} swap, ms", allowed, swaps, p99),
    )


def _slowest_bar(name: str, allowed: str, slowest: Sequence[float], p99: float) -> Bar:
    most = max(slowest, default=None)
    return Bar(name, allowed, most, met=most is not None and most <= _TIMES * p99)


def _phases(calm: Phase, stirred: Phase, first_p99: float | None) -> Table:
    rows = [
        (
            name,
            len(phase.samples),
            sum(not s.ok for s in phase.samples),
            milliseconds(phase.samples, 0.5),
            milliseconds(phase.samples, 0.99),
            _slowest(phase.samples),
        )
        for name, phase in (("without refresh", calm), (f"TTL {TTL} s", stirred))
    ]
    rows_and_first = [*rows, ("TTL, before the first refresh", None, None, None, first_p99, None)]
    columns = ("phase", "requests", "failed", "p50 ms", "p99 ms", "slowest ms")
    return Table("Phases", columns, rows_and_first)


def _changes(found: Sequence[Change]) -> Table:
    columns = ("event", "at s", "slowest ms within ± 1 s", "slowest ms then, without refresh")
    rows = [(c.event, c.at, c.slowest_ms, c.undisturbed_ms) for c in found]
    return Table("Refreshes and swaps", columns, rows)

"""What writing the access journal costs: two servers, with and without, in turn."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import Spread, ratio, spread
from bench.report import Bar, Section, Table
from bench.servers import Server
from bench.setup import Setup
from bench.traffic import closed_loop, milliseconds, requests

ROUNDS, QUICK_ROUNDS = 5, 1
REQUESTS, QUICK_REQUESTS = 1500, 60
CALLERS = 8
MODES = ("on", "off")


@dataclass(frozen=True, slots=True)
class Round:
    """So many requests to the server with the journal `mode`."""

    mode: str
    rate: float
    p50_ms: float
    p99_ms: float
    failed: int


def run(setup: Setup) -> Section:
    rounds = QUICK_ROUNDS if setup.quick else ROUNDS
    count = QUICK_REQUESTS if setup.quick else REQUESTS
    name = setup.fleet()[-1].name
    with (
        setup.server({"JOURNAL_ENABLED": "true"}) as with_journal,
        setup.server({"JOURNAL_ENABLED": "false"}) as without,
    ):
        servers = dict(zip(MODES, (with_journal, without), strict=True))
        for mode in MODES:
            _round(servers[mode], mode, name, count // 3)
        done = []
        for _ in range(rounds):
            for mode in MODES:
                done.append(_round(servers[mode], mode, name, count))
                setup.say(f"journal {mode}: {done[-1].rate:.0f} requests/s")
    return _section(name, count, done)


def _round(server: Server, mode: str, name: str, count: int) -> Round:
    began = time.monotonic()
    samples = asyncio.run(closed_loop(server.port, requests([name], count), CALLERS))
    seconds = time.monotonic() - began
    failed = sum(not sample.ok for sample in samples)
    rate = (count - failed) / seconds
    return Round(mode, rate, milliseconds(samples, 0.5), milliseconds(samples, 0.99), failed)


def _section(name: str, count: int, rounds: Sequence[Round]) -> Section:
    failed = sum(r.failed for r in rounds)
    found = {figure: compare(rounds, figure) for figure in ("rate", "p50_ms", "p99_ms")}
    return Section(
        "journal",
        note=(
            f"{len(rounds) // 2} rounds each of {count} predictions by {CALLERS} callers on"
            f" {name}, in memory on both servers, which are up beside each other and asked in turn;"
            " the first round of each is not counted. There is no cache of predictions, so every"
            " text is inferred. The difference is within noise where the ratio is nearer to 1"
            " than rounds of the same kind are to each other."
        ),
        tables=(_each(rounds), _compared(found)),
        bars=(Bar("requests not answered", "0", failed, met=failed == 0),),
        data={"rounds": [asdict(r) for r in rounds], "compared": found},
    )


def compare(rounds: Sequence[Round], figure: str) -> dict[str, Any]:
    """Medians on and off, their ratio, and how far rounds of the same kind are apart."""
    kinds: dict[str, Spread] = {
        mode: spread([getattr(r, figure) for r in rounds if r.mode == mode]) for mode in MODES
    }
    noise = max(kind.relative for kind in kinds.values())
    quotient = ratio(kinds["on"].median, kinds["off"].median)
    within = quotient is not None and abs(quotient - 1) <= noise
    return {mode: asdict(kind) for mode, kind in kinds.items()} | {
        "ratio": quotient,
        "noise": noise,
        "within_noise": within,
    }


def _each(rounds: Sequence[Round]) -> Table:
    rows = [(r.mode, r.rate, r.p50_ms, r.p99_ms) for r in rounds]
    return Table("Rounds, in order", ("journal", "requests/s", "p50 ms", "p99 ms"), rows)


def _compared(found: dict[str, dict[str, Any]]) -> Table:
    columns = ("median", "on", "off", "on ÷ off", "spread of a kind", "within noise")
    rows = [
        (
            figure,
            f["on"]["median"],
            f["off"]["median"],
            f["ratio"],
            f["noise"],
            f["within_noise"],
        )
        for figure, f in found.items()
    ]
    return Table("On against off", columns, rows)

"""A prediction that was made before, against the smallest answer that FastAPI can give."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench import hammer, rivals
from bench.environment import baselines_python
from bench.figures import spread
from bench.http import get, post
from bench.report import Bar, Section, Table
from bench.rivals import Rival
from bench.setup import Setup
from bench.texts import plain

CALLERS, ROUNDS, REQUESTS = 16, 7, 6000
OURS, SILENT = "cached prediction", "cached prediction, journal off"
BARE, FAST = "bare uvicorn + FastAPI", "the same with uvloop and httptools"
_BAR = 0.45


@dataclass(frozen=True, slots=True)
class Trial:
    """One round; `cached` is the part of the answers that say they had been given before."""

    who: str
    rate: float
    p50_ms: float
    p99_ms: float
    failed: int
    cached: float | None


def run(setup: Setup) -> Section:
    python, model, count = baselines_python(), setup.mini(), setup.texts(REQUESTS)
    asked = post("/predict", {"text": plain(1, 77)[0], "model_name": model.name})
    trials: list[Trial] = []
    with ExitStack() as stack:
        todo: dict[str, tuple[Rival, bytes]] = {}
        for who, journal in ((OURS, "true"), (SILENT, "false")):
            server = stack.enter_context(setup.server({"JOURNAL_ENABLED": journal}))
            server.post(f"/models/{model.name}/load")
            rival = Rival(server.port, server.pid)
            stack.enter_context(rival.frozen())
            todo[who] = rival, asked
        for who, where in ((BARE, Path(sys.executable)), (FAST, python)):
            todo[who] = stack.enter_context(rivals.bare(where)), get("/")
        for number in range(setup.rounds(ROUNDS)):
            for place in range(len(todo)):
                who, (rival, request) = list(todo.items())[(place + number) % len(todo)]
                with rival.awake():
                    hammer.drive(rival.port, [request] * (count // 5 + 1), CALLERS)
                    done = hammer.drive(rival.port, [request] * count, CALLERS)
                trials.append(_trial(who, done))
                setup.say(f"{who}: {done.rate:.0f} requests/s")
    return _section(count, trials)


def _trial(who: str, done: hammer.Round) -> Trial:
    p50, p99 = (done.milliseconds(part) for part in (0.5, 0.99))
    cached = None
    if who in {OURS, SILENT}:
        told = done.labels("prediction_cached")
        cached = told.count("True") / len(told)
    return Trial(who, done.rate, p50, p99, done.failed, cached)


def middle(trials: Sequence[Trial], who: str) -> float:
    return median(trial.rate for trial in trials if trial.who == who)


def _section(count: int, trials: Sequence[Trial]) -> Section:
    figure = middle(trials, OURS) / middle(trials, BARE)
    cached = min(t.cached for t in trials if t.cached is not None)
    failed = sum(trial.failed for trial in trials)
    return Section(
        "cached",
        note=(
            f"{len(trials) // 4} rounds of {count} requests by {CALLERS} callers on kept"
            " connections, one server after the other while the others are stopped. The cached"
            " prediction is one text that had been asked before, all settings as they are by"
            " default, the access journal on. The bare app answers GET / with one field; it"
            " has the packages that the service has. uvloop and httptools, which the service does"
            " without, are shown for comparison."
        ),
        tables=(_table(trials),),
        bars=(
            Bar(f"requests/s ÷ {BARE}", f"at least {_BAR:g}", figure, met=figure >= _BAR),
            Bar("answers from the cache, part of all", "1", cached, met=cached == 1),
            Bar("requests not answered", "0", failed, met=failed == 0),
        ),
        data={"trials": [asdict(trial) for trial in trials]},
    )


def _table(trials: Sequence[Trial]) -> Table:
    rows = []
    ours = middle(trials, OURS)
    for who in (OURS, SILENT, BARE, FAST):
        own = [trial for trial in trials if trial.who == who]
        rate = spread([trial.rate for trial in own])
        p50, p99 = median(t.p50_ms for t in own), median(t.p99_ms for t in own)
        rows.append((who, rate.median, rate.least, rate.most, p50, p99, ours / rate.median))
    columns = ("", "requests/s", "least", "most", "p50 ms", "p99 ms", "first ÷ this")
    return Table("Medians of the rounds", columns, rows)

"""Predictions a second at sixteen callers: the service, other servers, the raw loop, in turn."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import hammer, rivals
from bench.classifiers import Built
from bench.environment import baselines_python
from bench.figures import ratio, spread
from bench.http import post
from bench.report import Bar, Section, Table
from bench.rivals import Rival, Talker
from bench.setup import Setup
from bench.texts import agreement, plain

CALLERS = 16
ROUNDS = 5
WARMING = 16
"""Texts that are not counted, before each round."""

OURS, LIT, TORCH, RAW = "ours", "LitServe", "BentoML + transformers", "raw loop"
RAW_MODES = {
    "one text on each core": "singles",
    "fours of like length": "fours",
    "sixteens as they come": "sixteens",
}
_AGREED = 0.99


@dataclass(frozen=True, slots=True)
class Bars:
    """What is asked for; `transformers` None: nothing."""

    raw: float
    litserve: float
    transformers: float | None
    tail: float = 1.6


@dataclass(frozen=True, slots=True)
class Trial:
    """One round of one of them. The raw loop has no p50 and p99: nobody waits for it."""

    who: str
    rate: float
    p50_ms: float | None
    p99_ms: float | None
    failed: int
    agreement: float


def mini(setup: Setup) -> Section:
    return _run(setup, "minilm", setup.mini(), 800, Bars(0.80, 1.6, None))


def base(setup: Setup) -> Section:
    return _run(setup, "base", setup.base(), 320, Bars(0.90, 1.35, 4.0))


def _run(setup: Setup, name: str, model: Built, count: int, bars: Bars) -> Section:
    python, count = baselines_python(), setup.texts(count)
    trials: list[Trial] = []
    with ExitStack() as stack:
        raw = stack.enter_context(rivals.talking(python, "raw", model.folder))
        raw.listen()
        servers = _servers(setup, python, model, stack)
        for number in range(setup.rounds(ROUNDS)):
            texts, warming = plain(count, 100 + number), plain(WARMING, 900 + number)
            told = _raw(raw, "singles", warming, texts)
            wanted = told["labels"]
            for who, mode in RAW_MODES.items():
                told = _raw(raw, mode, warming, texts)
                trials.append(_raw_trial(f"{RAW}, {who}", told, wanted))
            for place in range(len(servers)):
                who, rival = list(servers.items())[(place + number) % len(servers)]
                with rival.awake():
                    _ask(rival, model.name, warming)
                    trials.append(_trial(who, rival, _ask(rival, model.name, texts), wanted))
            _tell(setup, trials)
    return _section(name, model, count, trials, bars)


def _servers(setup: Setup, python: Path, model: Built, stack: ExitStack) -> Mapping[str, Rival]:
    """All that answer over HTTP, loaded and stopped."""
    found = {OURS: stack.enter_context(_ours(setup, model))}
    for who, workers, batch in (
        (f"{LIT}, batches of 16, 1 worker", 1, 16),
        (f"{LIT}, batches of 16, 2 workers", 2, 16),
        ("unbatched LitServe, 2 workers", 2, 1),
    ):
        setup.say(f"starting {who} …")
        found[who] = stack.enter_context(rivals.litserve(python, model.folder, workers, batch))
    setup.say("starting both plain BentoML services …")
    found["BentoML + onnxruntime"] = stack.enter_context(
        rivals.bento_onnx(python, {model.name: model.folder}, 1)
    )
    found[TORCH] = stack.enter_context(rivals.bento_torch(python, model.torch))
    return found


@contextmanager
def _ours(setup: Setup, model: Built) -> Iterator[Rival]:
    with setup.server({"JOURNAL_ENABLED": "true"}) as server:
        server.post(f"/models/{model.name}/load")
        rival = Rival(server.port, server.pid, "prediction")
        with rival.frozen():
            yield rival


def _ask(rival: Rival, model: str, texts: Sequence[str]) -> hammer.Round:
    todo = [post("/predict", {"text": text, "model_name": model}) for text in texts]
    return hammer.drive(rival.port, todo, CALLERS)


def _raw(raw: Talker, mode: str, warming: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    raw.ask({"mode": mode, "texts": list(warming)})
    return raw.ask({"mode": mode, "texts": list(texts)})


def _raw_trial(who: str, told: Mapping[str, Any], wanted: Sequence[str]) -> Trial:
    rate = len(wanted) / told["seconds"]
    return Trial(who, rate, None, None, 0, agreement(told["labels"], wanted))


def _trial(who: str, rival: Rival, done: hammer.Round, wanted: Sequence[str]) -> Trial:
    labels = done.labels(rival.label)
    p50, p99 = (done.milliseconds(part) for part in (0.5, 0.99))
    return Trial(who, done.rate, p50, p99, done.failed, agreement(labels, wanted))


def _tell(setup: Setup, trials: Sequence[Trial]) -> None:
    by = {trial.who: trial.rate for trial in trials}
    setup.say("texts/s: " + "; ".join(f"{who} {rate:.0f}" for who, rate in by.items()))


def best(trials: Sequence[Trial], beginning: str) -> tuple[str, float]:
    """Who of those whose name begins so answers most texts a second, at the median round."""
    rates: dict[str, list[float]] = {}
    for trial in trials:
        if trial.who.startswith(beginning):
            rates.setdefault(trial.who, []).append(trial.rate)
    return max(((who, median(own)) for who, own in rates.items()), key=lambda pair: pair[1])


def tail(trials: Sequence[Trial], who: str) -> float:
    """p99 ÷ p50 of the median round."""
    each = [t.p99_ms / t.p50_ms for t in trials if t.who == who and t.p99_ms and t.p50_ms]
    return median(each)


def _section(name: str, model: Built, count: int, trials: Sequence[Trial], bars: Bars) -> Section:
    return Section(
        name,
        note=(
            f"{model.name}, {len(trials) // len({t.who for t in trials})} rounds of {count}"
            f" distinct texts of 8 to 60 words by {CALLERS} callers; in a round all read the same"
            " texts, one after the other, while the others are stopped. No text comes twice, so no"
            " answer comes from a cache. All but transformers run the same int8 file. Agreement is"
            " the part of the labels that are those of the file when each text runs alone."
        ),
        tables=(_table(trials),),
        bars=_bars(trials, bars),
        data={"model": model.name, "trials": [asdict(trial) for trial in trials]},
    )


def _table(trials: Sequence[Trial]) -> Table:
    ours = best(trials, OURS)[1]
    rows = []
    for who in dict.fromkeys(trial.who for trial in trials):
        own = [trial for trial in trials if trial.who == who]
        rates = spread([trial.rate for trial in own])
        p50, p99 = ([t.p50_ms for t in own if t.p50_ms], [t.p99_ms for t in own if t.p99_ms])
        rows.append(
            (
                who,
                rates.median,
                rates.least,
                rates.most,
                median(p50) if p50 else None,
                median(p99) if p99 else None,
                min(trial.agreement for trial in own),
                ratio(ours, rates.median),
            )
        )
    columns = ("", "texts/s", "least", "most", "p50 ms", "p99 ms", "agreement", "ours ÷ this")
    return Table("Medians of the rounds", columns, rows)


def _bars(trials: Sequence[Trial], bars: Bars) -> tuple[Bar, ...]:
    ours = best(trials, OURS)[1]
    wanted = [
        (RAW, "the best raw loop", bars.raw),
        (LIT, "the best LitServe with batches", bars.litserve),
    ]
    if bars.transformers is not None:
        wanted.append((TORCH, "plain BentoML + transformers", bars.transformers))
    found = []
    for beginning, who, bar in wanted:
        figure = ours / best(trials, beginning)[1]
        name = f"texts/s at {CALLERS} callers ÷ {who}"
        found.append(Bar(name, f"at least {bar:g}", figure, met=figure >= bar))
    late = tail(trials, OURS)
    name = f"p99 ÷ p50 at {CALLERS} callers"
    found.append(Bar(name, f"at most {bars.tail:g}", late, met=late <= bars.tail))
    agreed = min(trial.agreement for trial in trials if trial.who == OURS)
    name = "labels that are those of the raw loop, the worst round"
    found.append(Bar(name, f"at least {_AGREED:g}", agreed, met=agreed >= _AGREED))
    failed = sum(trial.failed for trial in trials if trial.who == OURS)
    found.append(Bar("requests not answered", "0", failed, met=failed == 0))
    return tuple(found)

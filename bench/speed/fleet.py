"""More models than there is room for: the service beside `functools.lru_cache` in plain BentoML."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from random import Random
from statistics import median

from bench import hammer, rivals
from bench.encoders import Shape
from bench.environment import baselines_python
from bench.figures import spread
from bench.fleet import TINY, Model
from bench.http import post
from bench.report import Bar, Section, Table
from bench.rivals import Rival
from bench.setup import Setup
from bench.texts import agreement, plain
from bench.traffic import zipf
from bench.vocabularies import ENGLISH

CALLERS, REQUESTS, ROUNDS, ROOM = 8, 600, 3, 4
OURS, ROOMY, LRU = "ours", "ours, room for all", "BentoML + lru_cache"
MODELS = tuple(
    Model(f"{size}-{number}", Shape(ENGLISH, width, layers), int8=True, seed=number)
    for number in range(4)
    for size, width, layers in (("fleet-base", 768, 12), ("fleet-mini", 384, 6))
)
_BAR, _AGREED = 0.65, 0.99


@dataclass(frozen=True, slots=True)
class Trial:
    """One round from a cache as the last one left it; `seconds` are for all requests together."""

    who: str
    seed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    agreement: float


def run(setup: Setup) -> Section:
    python, wanted = baselines_python(), TINY[:3] if setup.quick else MODELS
    room, count = (2 if setup.quick else ROOM), setup.texts(REQUESTS)
    models = {one.name: one.path for one in setup.ensure(wanted)[: len(wanted)]}
    trials: list[Trial] = []
    with ExitStack() as stack:
        ours = stack.enter_context(_ours(setup, room))
        roomy = stack.enter_context(_ours(setup, len(models)))
        lru = stack.enter_context(rivals.bento_onnx(python, models, room))
        for seed in range(1, setup.rounds(ROUNDS) + 1):
            todo = _requests(list(models), count, seed)
            order = [(OURS, ours), (ROOMY, roomy), (LRU, lru)]
            Random(seed).shuffle(order)  # noqa: S311  # the same every time
            done = {}
            for who, rival in order:
                with rival.awake():
                    done[who] = hammer.drive(rival.port, todo, CALLERS)
                setup.say(f"{who}, seed {seed}: {done[who].seconds:.1f} s")
            wanted_labels = done[LRU].labels(lru.label)
            for who, rival in order:
                trials.append(_trial(who, seed, done[who], rival, wanted_labels))
    return _section(room, count, list(models), trials)


@contextmanager
def _ours(setup: Setup, room: int) -> Iterator[Rival]:
    settings = {"MAX_MODELS": str(room), "JOURNAL_ENABLED": "true"}
    with setup.server(settings) as server:
        rival = Rival(server.port, server.pid, "prediction")
        with rival.frozen():
            yield rival


def _requests(names: Sequence[str], count: int, seed: int) -> list[bytes]:
    asked = zipf(names, count, seed)
    return [
        post("/predict", {"text": text, "model_name": one.model})
        for one, text in zip(asked, plain(count, 600 + seed), strict=True)
    ]


def _trial(who: str, seed: int, done: hammer.Round, rival: Rival, wanted: Sequence[str]) -> Trial:
    p50, p99 = (done.milliseconds(part) for part in (0.5, 0.99))
    agreed = agreement(done.labels(rival.label), wanted)
    return Trial(who, seed, done.seconds, p50, p99, done.failed, agreed)


def ratio(trials: Sequence[Trial]) -> float:
    """Ours ÷ theirs, the median of the seeds."""
    by = {(trial.who, trial.seed): trial.seconds for trial in trials}
    return median(by[OURS, seed] / by[LRU, seed] for seed in {trial.seed for trial in trials})


def _section(room: int, count: int, models: Sequence[str], trials: Sequence[Trial]) -> Section:
    rows = []
    for who in (OURS, ROOMY, LRU):
        own = [trial for trial in trials if trial.who == who]
        seconds = spread([trial.seconds for trial in own])
        p50, p99 = median(t.p50_ms for t in own), median(t.p99_ms for t in own)
        failed = sum(t.failed for t in own)
        rows.append((who, seconds.median, seconds.least, seconds.most, p50, p99, failed))
    columns = ("", "s", "least", "most", "p50 ms", "p99 ms", "not answered")
    figure, agreed = ratio(trials), min(t.agreement for t in trials if t.who == OURS)
    failed = sum(trial.failed for trial in trials if trial.who == OURS)
    return Section(
        "fleet",
        note=(
            f"{len(models)} int8 models, half of base size and half of MiniLM's, random weights;"
            f" room for {room} (max_models, and the size of the lru_cache); {count} distinct texts,"
            f" models by Zipf 0.9, {CALLERS} callers, another seed in each round. Both run the same"
            " files, one text on each core; one after the other, the others stopped. The cache is"
            " what the round before left. With room for all there is nothing to load after the"
            " first round: what is above that is what loads cost."
        ),
        tables=(Table("All requests of a round", columns, rows),),
        bars=(
            Bar(f"total time ÷ {LRU}", f"at most {_BAR:g}", figure, met=figure <= _BAR),
            Bar("labels that are the same", f"at least {_AGREED:g}", agreed, met=agreed >= _AGREED),
            Bar("requests not answered", "0", failed, met=failed == 0),
        ),
        data={"models": list(models), "trials": [asdict(trial) for trial in trials]},
    )

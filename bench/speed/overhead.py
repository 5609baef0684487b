"""What a prediction costs beside the inference itself, when nobody else asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench import hammer, rivals
from bench.classifiers import Built
from bench.environment import baselines_python
from bench.figures import quantile
from bench.http import Unanswered, post
from bench.report import Bar, Section, Table
from bench.rivals import Rival, Talker
from bench.setup import Setup
from bench.texts import plain

ROUNDS, TEXTS = 9, 100
_BAR_MS = 1.5


@dataclass(frozen=True, slots=True)
class Pair:
    """The same text over HTTP and in the raw loop, milliseconds."""

    ours: float
    raw: float


def run(setup: Setup) -> Section:
    python, model, count = baselines_python(), setup.mini(), setup.texts(TEXTS)
    pairs: list[Pair] = []
    with (
        setup.server({"JOURNAL_ENABLED": "true"}) as server,
        rivals.talking(python, "raw", model.folder) as raw,
    ):
        raw.listen()
        server.post(f"/models/{model.name}/load")
        rival = Rival(server.port, server.pid, "prediction")
        _round(rival, raw, model, plain(count, 299))
        for number in range(setup.rounds(ROUNDS)):
            pairs += _round(rival, raw, model, plain(count, 300 + number))
            setup.say(f"{_difference(pairs):.2f} ms over the inference")
    return _section(model, pairs)


def _round(rival: Rival, raw: Talker, model: Built, texts: Sequence[str]) -> list[Pair]:
    """All in the raw loop, then all over HTTP."""
    pairs = []
    for text in texts:
        told = raw.ask({"mode": "serial", "texts": [text]})
        asked = post("/predict", {"text": text, "model_name": model.name})
        pairs.append((told["each"][0] * 1e3, asked))
    done = hammer.drive(rival.port, [asked for _, asked in pairs], 1)
    if done.failed:
        raise Unanswered(f"{done.failed} predictions were not answered")
    return [
        Pair(reply.seconds * 1e3, one) for reply, (one, _) in zip(done.replies, pairs, strict=True)
    ]


def _difference(pairs: Sequence[Pair]) -> float:
    return median(pair.ours - pair.raw for pair in pairs)


def _section(model: Built, pairs: Sequence[Pair]) -> Section:
    rows: list[Sequence[object]] = []
    for who, values in (
        ("POST /predict", [pair.ours for pair in pairs]),
        ("raw loop", [pair.raw for pair in pairs]),
        ("difference, text by text", [pair.ours - pair.raw for pair in pairs]),
    ):
        rows.append((who, *(quantile(values, part) for part in (0.1, 0.5, 0.9, 0.99))))
    figure = _difference(pairs)
    return Section(
        "overhead",
        note=(
            f"{len(pairs)} distinct texts on {model.name}, one caller on one connection. Each is"
            " read by the raw loop too, in a process of its own with one thread: tokenizer, run and"
            " softmax. The texts of a round go through one of them, then through the other."
        ),
        tables=(Table("Milliseconds", ("", "10 %", "50 %", "90 %", "99 %"), rows),),
        bars=(
            Bar(
                "POST /predict less the inference, median, ms",
                f"at most {_BAR_MS:g}",
                figure,
                met=figure <= _BAR_MS,
            ),
        ),
        data={"model": model.name, "median_ms": figure},
    )

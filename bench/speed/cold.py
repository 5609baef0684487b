"""From a model that is not in memory to its first answer, against a fresh process of one's own."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench import hammer, rivals
from bench.classifiers import Built
from bench.environment import baselines_python
from bench.figures import ratio, spread
from bench.http import Unanswered, post
from bench.report import Bar, Section, Table
from bench.servers import Server
from bench.setup import Setup
from bench.texts import plain

ROUNDS = 9
OURS, RAW, TORCH = "ours", "raw session", "transformers process"
_RAW_BAR, _TORCH_BAR = 1.6, 1 / 15


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds until the first answer."""

    model: str
    who: str
    seconds: float


def run(setup: Setup) -> Section:
    python, base, mini = baselines_python(), setup.base(), setup.mini()
    starts: list[Start] = []
    with setup.server() as server:
        for number in range(-1, setup.rounds(ROUNDS)):
            for model in (base, mini):
                text = plain(1, 500 + number)[0]
                found = _round(server, model, python, text)
                if number >= 0:
                    starts += found
                told = "; ".join(f"{start.who} {start.seconds:.3f} s" for start in found)
                setup.say(f"{model.name}: {told}")
    return _section(base.name, starts)


def _round(server: Server, model: Built, python: Path, text: str) -> list[Start]:
    return [
        Start(model.name, OURS, _ours(server, model, text)),
        Start(model.name, RAW, _raw(model, text)),
        Start(model.name, TORCH, _torch(python, model, text)),
    ]


def _ours(server: Server, model: Built, text: str) -> float:
    server.post(f"/models/{model.name}/unload")
    asked = post("/predict", {"text": text, "model_name": model.name})
    done = hammer.drive(server.port, [asked], 1)
    if done.failed:
        raise Unanswered(f"a cold prediction was answered with {done.replies[0].status}")
    return done.seconds


def _raw(model: Built, text: str) -> float:
    """What imports take is not counted."""
    with rivals.talking(Path(sys.executable), "raw_cold", model.folder, text) as process:
        return float(process.listen()["seconds"])


def _torch(python: Path, model: Built, text: str) -> float:
    began = time.perf_counter()
    with rivals.talking(python, "torch_process", model.torch, text) as process:
        process.listen()
        return time.perf_counter() - began


def middle(starts: Sequence[Start], model: str, who: str) -> float:
    return median(start.seconds for start in starts if (start.model, start.who) == (model, who))


def _section(base: str, starts: Sequence[Start]) -> Section:
    rows = []
    for model in dict.fromkeys(start.model for start in starts):
        ours = middle(starts, model, OURS)
        for who in (OURS, RAW, TORCH):
            own = spread([s.seconds for s in starts if (s.model, s.who) == (model, who)])
            label = f"{model}, {who}"
            rows.append((label, own.median, own.least, own.most, ratio(ours, own.median)))
    table = Table("Seconds to the first answer", ("", "s", "least", "most", "ours ÷ this"), rows)
    ours = middle(starts, base, OURS)
    figures = (
        ("raw session, tokenizer and first run", ours / middle(starts, base, RAW), _RAW_BAR),
        ("fresh transformers process", ours / middle(starts, base, TORCH), _TORCH_BAR),
    )
    return Section(
        "cold",
        note=(
            "Ours is one POST /predict on a new connection for a model that has just been"
            " unloaded, in int8. The raw session opens the same compiled file in a process that"
            " has imported all it needs, skips the optimisation that is done already, and runs the"
            " text once. The transformers process is timed from its start, fp32 from safetensors."
            " All files are in the page cache; a first round is not counted."
        ),
        tables=(table,),
        bars=tuple(
            Bar(
                f"{base}: first answer over HTTP ÷ {who}",
                f"at most {bar:.4g}",
                figure,
                figure <= bar,
            )
            for who, figure, bar in figures
        ),
        data={"starts": [asdict(start) for start in starts]},
    )

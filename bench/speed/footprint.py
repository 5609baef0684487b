"""What a model holds of memory, beside the same model in transformers."""

from dataclasses import asdict, dataclass
from pathlib import Path

from bench import hammer, memory, rivals
from bench.environment import baselines_python
from bench.http import post
from bench.report import Bar, Section, Table
from bench.setup import Setup
from bench.texts import plain

TEXTS, CALLERS = 100, 16
OURS, TORCH = "runner, int8", "transformers process, fp32"
_BAR = 0.20
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Holding:
    """MB: the unique set size with all that is mapped of the model's files; the proportional."""

    model: str
    who: str
    held_mb: float
    pss_mb: float


def run(setup: Setup) -> Section:
    python, base, mini = baselines_python(), setup.base(), setup.mini()
    texts = plain(setup.texts(TEXTS), 400)
    found: list[Holding] = []
    with setup.server() as server:
        for model in (base, mini):
            server.post(f"/models/{model.name}/load")
            asked = [post("/predict", {"text": t, "model_name": model.name}) for t in texts]
            hammer.drive(server.port, asked, CALLERS)
            pid = server.get(f"/models/{model.name}")["runner"]["pid"]
            found.append(_holding(model.name, OURS, pid, model.folder))
            setup.say(f"{model.name}: {found[-1].held_mb:.1f} MB")
            server.post(f"/models/{model.name}/unload")
            with rivals.talking(python, "torch_process", model.torch, texts[0]) as process:
                process.listen()
                process.ask({"texts": texts})
                found.append(_holding(model.name, TORCH, process.pid, model.torch))
            setup.say(f"{model.name} in transformers: {found[-1].held_mb:.1f} MB")
    return _section(base.name, found)


def _holding(model: str, who: str, pid: int, folder: Path) -> Holding:
    held, pss = memory.held(pid, folder), memory.tree(pid)
    return Holding(model, who, held / _MB, pss / _MB)


def _section(base: str, found: list[Holding]) -> Section:
    held = {(one.model, one.who): one.held_mb for one in found}
    figure = held[base, OURS] / held[base, TORCH]
    rows = [
        (f"{one.model}, {one.who}", one.held_mb, one.pss_mb, held[one.model, OURS] / one.held_mb)
        for one in found
    ]
    columns = ("", "held MB", "PSS MB", "ours ÷ this")
    return Section(
        "memory",
        note=(
            f"After {TEXTS} texts of 8 to 60 words: ours asked by {CALLERS} callers, so that as"
            " many run at once as there are cores, transformers one after another. Held is the"
            " unique set size with all pages that are mapped of the model's files, read from /proc"
            " by the bench; the runner shares the libraries with the fork server, the transformers"
            " process has its own."
        ),
        tables=(Table("Memory", columns, rows),),
        bars=(Bar(f"{base}: held ÷ {TORCH}", f"at most {_BAR:g}", figure, met=figure <= _BAR),),
        data={"holdings": [asdict(one) for one in found]},
    )

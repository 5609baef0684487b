"""Loads and unloads again and again: is all memory given back, is the book true?"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

from bench import memory
from bench.figures import deviation
from bench.report import Bar, Section, Table
from bench.servers import Server
from bench.setup import Setup
from models.spec import StoredModel

MB = 1e6
CYCLES, QUICK_CYCLES = 200, 8
EVERY, QUICK_EVERY = 20, 4
_PART, _SLACK_MB, _DEVIATION = 0.05, 10.0, 0.10
_SETTLE = 0.2
"""Seconds after an answer, in which the service measures the runner again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One cycle's look at a loaded model: what the service says, and what /proc does."""

    cycle: int
    model: str
    tracked_mb: float
    measured_mb: float

    @property
    def deviation(self) -> float:
        return deviation(self.tracked_mb, self.measured_mb)


@dataclass(frozen=True, slots=True)
class Look:
    """The whole tree with no model loaded, after so many cycles."""

    cycle: int
    tree_mb: float


def run(setup: Setup) -> Section:
    cycles, every = (QUICK_CYCLES, QUICK_EVERY) if setup.quick else (CYCLES, EVERY)
    fleet = setup.fleet()
    steps, looks = list[Step](), list[Look]()
    with setup.server() as server:
        for number, model in enumerate(islice(cycle(fleet), cycles), start=1):
            steps.append(_cycle(server, model, number))
            if number in {1, cycles} or number % every == 0:
                looks.append(Look(number, memory.tree(server.pid) / MB))
                setup.say(f"cycle {number}: tree {looks[-1].tree_mb:.1f} MB")
    return _section(fleet, steps, looks)


def _cycle(server: Server, model: StoredModel, number: int) -> Step:
    server.post(f"/models/{model.name}/load")
    server.post("/predict", model_name=model.name, text=f"How are things in cycle {number}?")
    time.sleep(_SETTLE)
    told = server.get(f"/models/{model.name}")
    measured = memory.held(told["runner"]["pid"], Path(model.path)) / MB
    server.post(f"/models/{model.name}/unload")
    return Step(number, model.name, told["memory_usage_mb"], measured)


def _section(fleet: Sequence[StoredModel], steps: list[Step], looks: list[Look]) -> Section:
    first = looks[0].tree_mb
    grown = [look.tree_mb - first for look in looks]
    worst = max(steps, key=lambda step: step.deviation)
    allowed = max(first * _PART, _SLACK_MB)
    return Section(
        "cycles",
        note=(
            f"{len(steps)} times: load, one prediction, {_SETTLE:g} s, measure, unload;"
            f" {len(fleet)} models in turn. The tree is the proportional set size of all the"
            " service's processes while no model is loaded. Tracked is what the service says of a"
            " loaded model, measured is its runner's unique set size and what others map of the"
            " model's files too, both read from /proc by the bench."
        ),
        tables=(_tree_table(looks, grown), _model_table(fleet, steps)),
        bars=(
            Bar(
                "growth of the tree after the first cycle, MB, the most at any look",
                f"at most 5 % or {_SLACK_MB:g} MB, here {allowed:.1f}",
                max(grown),
                met=max(grown) <= allowed,
            ),
            Bar(
                "growth of the tree at the end, MB",
                f"at most 5 % or {_SLACK_MB:g} MB, here {allowed:.1f}",
                grown[-1],
                met=grown[-1] <= allowed,
            ),
            Bar(
                f"tracked against measured, % at the worst step ({worst.model})",
                f"at most {_DEVIATION:.0%} at each step",
                worst.deviation * 100,
                met=worst.deviation <= _DEVIATION,
            ),
        ),
        data={"looks": [asdict(x) for x in looks], "steps": [asdict(x) for x in steps]},
    )


def _tree_table(looks: Sequence[Look], grown: Sequence[float]) -> Table:
    first = looks[0].tree_mb
    return Table(
        "Process tree without a model",
        ("after cycle", "tree MB", "growth MB", "growth %"),
        [
            (str(look.cycle), look.tree_mb, more, 100 * more / first)
            for look, more in zip(looks, grown, strict=True)
        ],
    )


def _model_table(fleet: Sequence[StoredModel], steps: Sequence[Step]) -> Table:
    rows = []
    for model in fleet:
        own = [step for step in steps if step.model == model.name]
        if own:
            worst = max(own, key=lambda step: step.deviation)
            row = (len(own), worst.tracked_mb, worst.measured_mb, worst.deviation * 100)
            rows.append((model.name, *row))
    columns = ("model", "cycles", "tracked MB", "measured MB", "deviation %")
    return Table("Tracked against measured, the worst step of each model", columns, rows)

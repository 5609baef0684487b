"""What the service costs of the processor while nobody asks."""

import time
from collections.abc import Mapping

from bench.processes import family
from bench.report import Bar, Section, Table
from bench.setup import Setup

MODELS, SECONDS, QUICK_SECONDS, SETTLE = 5, 30.0, 4.0, 5.0
_BAR = 1.0
_SETTINGS = {
    "ENABLE_AUTO_SCALING": "true",
    "JOURNAL_ENABLED": "true",
    "CLEANUP_INTERVAL": "300",
}
"""As they are by default."""

_KINDS = ("supervisor", "service process", "fork server", "runners")
"""By how far down the tree they are."""


def run(setup: Setup) -> Section:
    wanted = setup.fleet()[-MODELS:]
    seconds = QUICK_SECONDS if setup.quick else SECONDS
    with setup.server(_SETTINGS) as server:
        for model in wanted:
            server.post(f"/models/{model.name}/load")
            server.post(f"/models/{model.name}/warmup")
        time.sleep(SETTLE)
        began, before = time.monotonic(), _spent(server.pid)
        time.sleep(seconds)
        parts = _parts(before, _spent(server.pid), time.monotonic() - began)
    figure = sum(parts.values())
    rows = sorted(parts.items(), key=lambda part: -part[1])
    return Section(
        "idle",
        note=(
            f"{len(wanted)} models in memory, {seconds:g} s without a request, settings as they are"
            " by default. The processor time of all the service's processes, as a part of one core."
        ),
        tables=(Table("Processor time", ("process", "% of a core"), rows),),
        bars=(Bar("all processes, % of a core", f"below {_BAR:g}", figure, met=figure < _BAR),),
        data={"percent": figure, "seconds": seconds, "models": len(wanted)},
    )


def _spent(pid: int) -> dict[tuple[int, str], float]:
    """Processor seconds of each process so far, in user and kernel."""
    depths, found = {pid: 0}, {}
    for member in family(pid):
        depth = depths.setdefault(member.pid, depths.get(member.ppid(), 0) + 1)
        times = member.cpu_times()
        name = _KINDS[min(depth, len(_KINDS) - 1)]
        found[member.pid, name] = times.user + times.system
    return found


def _parts(
    before: Mapping[tuple[int, str], float], after: Mapping[tuple[int, str], float], seconds: float
) -> dict[str, float]:
    """Percent of a core, by kind of process; one that is new counts from its start."""
    earlier = {pid: spent for (pid, _), spent in before.items()}
    parts: dict[str, float] = {}
    for (pid, name), spent in after.items():
        percent = (spent - earlier.get(pid, 0.0)) / seconds * 100
        parts[name] = parts.get(name, 0.0) + percent
    return parts

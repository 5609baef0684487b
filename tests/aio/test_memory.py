"""What the service itself uses, measured on real processes, and what that leaves for models."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from models import footprint, memory
from models.config import ServingConfig
from models.memory import MemoryMeter, limits_for, measure_tree, serve_process
from tests.fakes import FakeClock, settle

BALLAST = 40_000_000
HOLD = "import sys; ballast = bytes(int(sys.argv[1])).replace(b'\\0', b'x'); print(flush=True); "
END = "sys.stdin.read()"
SHOW = (
    "import os; from models.memory import serve_process;"
    " print(serve_process(os.getpid()), os.getpid(), os.getppid())"
)
SPAWN = (
    "import subprocess; runner = subprocess.Popen([sys.executable, '-c', sys.argv[2], '{size}'],"
    " stdin=sys.stdin); "
)


class Meters:
    """Counts how often the tree is measured; a measurement waits until the gate is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.clock = FakeClock()
        self.owns: dict[int, int] = {}
        self.meter = MemoryMeter(1, lambda: 2, lambda: {3}, self.clock)
        monkeypatch.setattr(memory, "measure_tree", self._measure)

    def _measure(self, root: int, forkserver: int, residents: set[int]) -> tuple[int, int]:
        assert (root, forkserver, residents) == (1, 2, {3})
        self.begun += 1
        self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.owns.get(self.begun, 10 * self.begun), 100 * self.begun


@pytest.fixture
def meters(monkeypatch: pytest.MonkeyPatch) -> Meters:
    return Meters(monkeypatch)


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """(process that stands for the fork server, its child that stands for a runner)."""
    child = HOLD + END
    code = f"{HOLD}{SPAWN.format(size=BALLAST)}{END}"
    with subprocess.Popen(
        [sys.executable, "-c", code, "1", child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as forkserver:
        assert forkserver.stdout is not None
        assert forkserver.stdin is not None
        for _ in range(2):
            forkserver.stdout.readline()
        [runner] = memory.descendants(forkserver.pid) - {forkserver.pid}
        yield forkserver.pid, runner
        forkserver.stdin.close()


async def test_a_sample_is_good_for_a_second(meters: Meters) -> None:
    """However often it is asked for."""
    first = await meters.meter.sample()
    meters.clock.advance(1.0)
    second = await meters.meter.sample()
    meters.clock.advance(0.1)
    third = await meters.meter.sample()

    assert first is second
    assert (first.own, first.total, third.own) == (10, 100, 20)
    assert meters.meter.last is third


async def test_a_runner_that_comes_or_goes_meanwhile_does_not_move_the_own_use(
    meters: Meters,
) -> None:
    """Fault found: pages counted twice took megabytes from the budget for a second."""
    meters.owns = {1: 50, 2: 50, 3: 90, 4: 20, 5: 51, 6: 51}
    owns = []

    for _ in meters.owns:
        owns.append((await meters.meter.sample()).own)
        meters.clock.advance(2)

    assert owns == [50, 50, 50, 50, 50, 51]


async def test_who_asks_meanwhile_shares_the_measurement(meters: Meters) -> None:
    """And one who goes away does not take it from the others."""
    meters.gate.clear()
    callers = [asyncio.create_task(meters.meter.sample()) for _ in range(5)]
    await settle()
    callers[0].cancel()
    meters.gate.set()

    await asyncio.wait(callers)

    assert callers[0].cancelled()
    assert {caller.result().own for caller in callers[1:]} == {10}


async def test_a_failed_measurement_is_raised_and_the_next_one_made(meters: Meters) -> None:
    meters.error = OSError("too many open files")
    with pytest.raises(OSError, match="too many"):
        await meters.meter.sample()
    meters.error = None

    assert (await meters.meter.sample()).own == 20


def test_what_is_left_for_models_is_a_part_of_the_limit_less_the_own_use() -> None:
    config = ServingConfig(max_memory_usage=0.8, memory_threshold=0.5, max_models=3)

    limits = limits_for(config, 1000, 100)

    assert (limits.budget, limits.comfort, limits.max_entries) == (700, 400, 3)


@pytest.mark.process
def test_own_use_and_footprints_are_the_whole_tree(family: tuple[int, int]) -> None:
    """Fault planted: pages that runners share with the others counted for nobody."""
    forkserver, runner = family

    own, total = measure_tree(os.getpid(), forkserver, {runner})
    held = footprint.footprint(runner, Path("unused"))

    assert held is not None
    assert held >= BALLAST
    assert own + held == pytest.approx(total, abs=500_000)


@pytest.mark.process
def test_a_runner_without_a_fork_server_is_still_a_runner(family: tuple[int, int]) -> None:
    """After a fork server's death its runners are known by name only; none is own use."""
    forkserver, runner = family

    with_server, total = measure_tree(os.getpid(), forkserver, {runner})
    without, same = measure_tree(os.getpid(), 0, {runner})

    assert without == pytest.approx(with_server, rel=0.02)
    assert total == pytest.approx(same, rel=0.02)
    assert total - without >= BALLAST


def test_of_processes_that_are_gone_nothing_is_measured() -> None:
    assert measure_tree(0, 0, {0}) == (0, 0)


@pytest.mark.process
@pytest.mark.parametrize(
    ("command", "leads"), [("bentoml", True), ("bentoml/run.py", False), ("no-bentoml", False)]
)
def test_the_tree_begins_at_the_bentoml_command(command: str, leads: bool, tmp_path: Path) -> None:
    """Fault found: any path with "bentoml" in it was taken for it, as in a Bento's container."""
    script = tmp_path / command
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SHOW!r}])")

    shown = subprocess.run(
        [sys.executable, str(script)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()

    top, service, parent = (int(pid) for pid in shown)
    assert top == (parent if leads else service)


def test_an_ancestor_that_may_not_be_looked_at_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fault found: the service did not start where /proc hides what belongs to others."""

    def refuse(process: psutil.Process) -> list[str]:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "cmdline", refuse)

    assert serve_process(os.getpid()) == os.getpid()

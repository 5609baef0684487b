"""What the service itself uses, measured on real processes, and what that leaves for models."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.policy import Limits
from models import footprint, memory
from models.config import ServingConfig
from models.free import free_memory
from models.memory import (
    MemoryMeter,
    Sample,
    elastic,
    limits_for,
    measure_tree,
    serve_process,
)
from tests.fakes import FakeClock, settle

BALLAST = 40_000_000
HOLD = "import sys; ballast = bytes(int(sys.argv[1])).replace(b'\\0', b'x'); print(flush=True); "
END = "sys.stdin.read()"
MAP = (
    "import mmap, sys; file = open(sys.argv[1], 'rb');"
    " mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ);"
    " sum(mapped[::4096]); print(flush=True); sys.stdin.read()"
)
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
        self.meter = MemoryMeter(1, lambda: {2}, lambda: {3}, self.clock)
        monkeypatch.setattr(memory, "measure_tree", self._measure)

    def _measure(
        self, root: int, forkservers: set[int], residents: set[int]
    ) -> tuple[int, int, int]:
        assert (root, forkservers, residents) == (1, {2}, {3})
        self.begun += 1
        self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.owns.get(self.begun, 10 * self.begun), 100 * self.begun, 30 * self.begun


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


@contextmanager
def mapping(path: Path) -> Iterator[int]:
    """A process that maps the file and has read all of it."""
    with subprocess.Popen(
        [sys.executable, "-c", MAP, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


async def test_a_sample_is_good_for_a_second(meters: Meters) -> None:
    """However often it is asked for."""
    first = await meters.meter.sample()
    meters.clock.advance(1.0)
    second = await meters.meter.sample()
    meters.clock.advance(0.1)
    third = await meters.meter.sample()

    assert first is second
    assert (first.own, first.total, third.own) == (10, 100, 20)
    assert (first.anonymous, third.anonymous) == (30, 60)
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


@dataclass(frozen=True)
class Machine:
    """Bytes that somebody holds, of 10 000; the service's static limits are 7000 and 5000."""

    others: int
    runners: tuple[int, ...]

    def limits(self) -> Limits:
        sample = Sample(1000, 1000 + sum(self.runners), 0.0, sum(self.runners))
        held = 1000 + sum(self.runners) + self.others
        return elastic(Limits(7000, 5000, 10), sample, 10_000 - held, reserve=2000)


machines = st.builds(
    Machine,
    others=st.integers(0, 6000),
    runners=st.lists(st.integers(0, 500), max_size=4).map(tuple),
)


@given(machines)
def test_what_others_take_is_gone_from_the_budget_byte_for_byte(machine: Machine) -> None:
    """Planted fault: the reserve forgotten, so that theirs was promised to models."""
    limits = machine.limits()

    assert limits.budget == min(7000, 10_000 - 1000 - machine.others - 2000)
    assert limits.comfort == min(5000, limits.budget)
    assert limits.max_entries == 10


@given(machines)
def test_when_others_leave_the_static_limits_are_back(machine: Machine) -> None:
    """Elastic is without memory. Planted fault: never above what is used now."""
    assert replace(machine, others=0).limits() == Limits(7000, 5000, 10)


@given(st.integers(0, 5000))
def test_page_cache_does_not_move_the_budget(cache: int) -> None:
    """Planted fault: cache counted as used, so that reading a file unloaded models."""
    with TemporaryDirectory() as name:
        root = Path(name)
        (root / "self").mkdir()
        (root / "self" / "cgroup").write_text("0::/\n")
        (root / "memory.max").write_text("10000")
        (root / "memory.current").write_text(f"{4000 + cache}")
        (root / "memory.stat").write_text(f"inactive_file {cache}\nactive_file 0\n")
        free = free_memory(root, proc=root)

    assert elastic(Limits(7000, 5000, 10), Sample(0, 0, 0.0, 900), free, 2000).budget == 4900


@given(machines, st.integers(0, 500))
def test_a_runner_that_comes_or_goes_leaves_the_budget_where_it_was(
    machine: Machine, size: int
) -> None:
    """Planted fault: free memory alone taken, so that each load shrank the room of the next."""
    assert replace(machine, runners=(*machine.runners, size)).limits() == machine.limits()


@given(*[st.integers(0, 1 << 50)] * 5)
def test_the_budget_is_never_more_than_the_static_one_nor_below_nothing(
    budget: int, comfort: int, anonymous: int, free: int, reserve: int
) -> None:
    """Planted fault: a machine with more free than the limit gave it all to models."""
    limits = elastic(
        Limits(budget, comfort, 3), Sample(0, anonymous, 0.0, anonymous), free, reserve
    )

    assert 0 <= limits.comfort <= limits.budget <= budget
    assert limits.comfort <= comfort


def test_a_static_budget_below_nothing_stays() -> None:
    """The service alone uses more than its share: the figure says by how much."""
    below = Limits(-5, -9, 3)

    assert elastic(below, Sample(0, 0, 0.0), 1 << 40, 0) == below


@pytest.mark.process
def test_own_use_and_footprints_are_the_whole_tree(family: tuple[int, int]) -> None:
    """Fault planted: pages that runners share with the others counted for nobody.

    And another: what the service holds anonymously counted as the runners', so as room.
    """
    forkserver, runner = family

    own, total, anonymous = measure_tree(os.getpid(), {forkserver}, {runner})
    held = footprint.footprint(runner, Path("unused"))

    assert held is not None
    assert held >= BALLAST
    assert own + held == pytest.approx(total, abs=500_000)
    assert BALLAST <= anonymous <= held


@pytest.mark.process
def test_a_runner_without_a_fork_server_is_still_a_runner(family: tuple[int, int]) -> None:
    """After a fork server's death its runners are known by name only; none is own use."""
    forkserver, runner = family

    with_server, total, held = measure_tree(os.getpid(), {forkserver}, {runner})
    without, same, still = measure_tree(os.getpid(), (), {runner})

    assert without == pytest.approx(with_server, rel=0.02)
    assert total == pytest.approx(same, rel=0.02)
    assert total - without >= BALLAST
    assert BALLAST <= still == pytest.approx(held, rel=0.02)


@pytest.mark.process
def test_what_a_runner_maps_from_files_is_not_anonymous(tmp_path: Path) -> None:
    """Planted fault: the private part taken for it; mapped weights are page cache as well."""
    weights = tmp_path / "weights"
    weights.write_bytes(b"x" * BALLAST)
    with mapping(weights) as runner:
        _, total, anonymous = measure_tree(runner, (), {runner})

    assert total > BALLAST
    assert 0 < anonymous < BALLAST / 2


@contextmanager
def idling() -> Iterator[subprocess.Popen[bytes]]:
    """A child of this process that does nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as child:
        yield child
        child.kill()


@contextmanager
def idling_for_a_thread() -> Iterator[int]:
    """A child of this process that another thread has started, which lives on."""
    started: Queue[int] = Queue()
    end = threading.Event()

    def start() -> None:
        with idling() as child:
            started.put(child.pid)
            end.wait()

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield started.get()
    finally:
        end.set()
        thread.join()


@pytest.mark.process
@pytest.mark.parametrize("told", [True, False])
def test_everybody_below_is_found(
    family: tuple[int, int], monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """Whether or not the kernel tells children; the second child is that of a thread.

    Planted fault: only what the first thread started.
    """
    if not told:
        monkeypatch.setattr(memory, "_CHILDREN", Path("/proc/nothing"))
    with idling_for_a_thread() as child:
        assert memory.descendants(os.getpid()) >= {os.getpid(), *family, child}
        assert memory.descendants(family[0]) == set(family)


@pytest.mark.process
def test_a_process_that_vanishes_in_between_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends after its parent named it. Planted fault: an error, and no budget for a second."""
    children = memory._children

    def named_and_gone(pid: int) -> list[int] | None:
        named = children(pid)
        if pid == os.getpid():
            child.kill()
            child.wait()
        return named

    with idling() as child:
        monkeypatch.setattr(memory, "_children", named_and_gone)
        found = memory.descendants(os.getpid())

    assert os.getpid() in found
    assert child.pid not in found


@pytest.mark.process
def test_a_thread_that_vanishes_in_between_has_no_children(
    family: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads come and go with every load."""
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: ["999999999", *listed(path)])

    assert memory.descendants(family[0]) == set(family)


def test_of_processes_that_are_gone_nothing_is_measured() -> None:
    assert measure_tree(0, {0}, {0}) == (0, 0, 0)


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

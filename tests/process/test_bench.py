"""`scripts/bench`, with a .venv that is this Python: that it works, not how fast anything is."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.figures import deviation, quantile, ratio, shown, spread
from bench.memory import held, shared_of, tree
from bench.report import Bar, Report, Section, Table, as_json, as_markdown
from bench.residency.decisions import residents
from bench.residency.journal import Round, compare
from bench.residency.policies import Run, ratios
from bench.traffic import Sample, failures, zipf
from tests.process.server import ROOT


def test_a_quantile_is_one_of_the_values() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]

    assert [quantile(values, part) for part in (0.0, 0.5, 0.8, 0.99, 1.0)] == [1, 3, 4, 5, 5]


def test_there_is_no_quantile_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


def test_a_spread_is_told_as_a_part_of_the_median() -> None:
    rounds = spread([90.0, 100.0, 120.0])

    assert (rounds.median, rounds.least, rounds.most) == (100.0, 90.0, 120.0)
    assert rounds.relative == pytest.approx(0.3)


def test_ratios_and_deviations_of_nothing_are_no_numbers_to_be_proud_of() -> None:
    assert ratio(3.0, 0.0) is None
    assert ratio(3.0, 4.0) == 0.75
    assert deviation(90.0, 100.0) == pytest.approx(0.1)
    assert deviation(110.0, 100.0) == pytest.approx(0.1)
    assert deviation(0.0, 0.0) == 0.0
    assert deviation(1.0, 0.0) == float("inf")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (12345.6, "12346"),
        (None, "-"),
        (True, "yes"),
        ("lru", "lru"),
        (7, "7"),
    ],
)
def test_figures_have_four_digits(value: object, text: str) -> None:
    assert shown(value) == text


def report(*, met: bool, quick: bool = False) -> Report:
    table = Table("Times", ("what", "ms"), [("a|b", 1.23456), ("none", None)])
    bar = Bar("slowest, ms", "at most 1", 1.5, met=met)
    section = Section("speed", "As it was.", (table,), (bar,), {"times": [1.23456]})
    return Report("residency", {"cores": 2}, quick, [section])


def test_a_report_is_readable_as_markdown() -> None:
    text = as_markdown(report(met=False))

    assert "## residency\n\ncores 2\n\n### speed\n\nAs it was.\n\n**Times**" in text
    assert "| what | ms |\n| --- | ---: |\n| a\\|b | 1.235 |\n| none | - |" in text
    assert "| slowest, ms | at most 1 | 1.5 | **missed** |" in text


def test_a_report_as_json_has_bars_and_data() -> None:
    document = json.loads(as_json([report(met=True)]))

    assert document["bars"] == [
        {"part": "speed", "name": "slowest, ms", "bar": "at most 1", "figure": 1.5, "met": True}
    ]
    assert document["parts"]["speed"]["note"] == "As it was."
    assert document["parts"]["speed"]["times"] == [1.23456]


def test_a_missed_bar_is_a_failure_but_not_in_a_quick_run() -> None:
    assert not report(met=False).met
    assert report(met=True).met
    assert report(met=False, quick=True).met


SMAPS = """\
7f00-7f01 r--s 00000000 fe:00 12 {model}/model.onnx.data
Rss:                 100 kB
Shared_Clean:         40 kB
Shared_Dirty:          2 kB
Private_Clean:        60 kB
7f01-7f02 r-xp 00000000 fe:00 13 /usr/lib/libm.so
Shared_Clean:        999 kB
7f02-7f03 rw-p 00000000 00:00 0
Shared_Clean:          8 kB
7f03-7f04 r--s 00000000 fe:00 14 {model} 2/model.onnx.data
Shared_Clean:         16 kB
"""


def test_only_the_model_s_own_files_are_charged_where_they_are_shared(tmp_path: Path) -> None:
    """A folder whose name begins like the model's is another one."""
    lines = SMAPS.format(model=tmp_path).splitlines()

    assert shared_of(lines, tmp_path) == 42 * 1024


def test_a_process_holds_something_and_one_that_is_gone_nothing(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()

    assert held(os.getpid(), tmp_path) > 10e6
    assert tree(os.getpid()) > 10e6
    assert held(gone.pid, tmp_path) == 0
    assert tree(gone.pid) == 0


def test_the_same_seed_asks_the_same_and_the_first_are_asked_most() -> None:
    models = [f"model-{n}" for n in range(12)]
    asked = zipf(models, 2000, seed=3)
    counts = sorted((sum(r.model == m for r in asked) for m in models), reverse=True)

    assert asked == zipf(models, 2000, seed=3)
    assert asked != zipf(models, 2000, seed=4)
    assert len({request.text for request in asked}) == 2000
    assert counts[0] > 4 * counts[-1] > 0


def test_failures_are_counted_by_what_went_wrong() -> None:
    samples = [Sample(0, 1), Sample(0, 1, "503 OVERLOADED"), Sample(0, 1, "503 OVERLOADED")]

    assert failures(samples) == {"503 OVERLOADED": 2}


def test_policies_are_compared_seed_by_seed() -> None:
    """The median of ratios, not the ratio of medians."""
    runs = [
        Run(policy, seed, 9, 9, 0.5, loads, 1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 500.0, {}, {})
        for seed, by in {1: (10, 5), 2: (20, 20), 3: (40, 30)}.items()
        for policy, loads in zip(("lru", "gdsf"), by, strict=True)
    ]

    assert ratios(runs)["loads"] == {"median": 0.75, "seeds": {1: 0.5, 2: 1.0, 3: 0.75}}


def test_a_difference_smaller_than_that_of_equals_is_noise() -> None:
    rates = {"on": (90.0, 100.0, 110.0), "off": (104.0, 105.0, 106.0)}
    rounds = [Round(mode, rate, 1.0, 1.0, 0) for mode, own in rates.items() for rate in own]
    clear = [Round(mode, rate, 1.0, 1.0, 0) for mode, rate in (("on", 50.0), ("off", 100.0))]

    assert compare(rounds, "rate")["within_noise"] is True
    assert compare(clear, "rate")["within_noise"] is False


def test_residents_for_decisions_are_the_same_every_time() -> None:
    assert residents(40) == residents(40)
    assert sum(entry.leases for entry in residents(40)) == 2


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the scripts and locks, whose .venv has all locks installed."""
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "activate").write_text(str(tmp_path / ".venv"))
    (binaries / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (binaries / "python").chmod(0o755)
    for lock in (tmp_path / "requirements").glob("*.txt"):
        shutil.copy(lock, tmp_path / ".venv" / f"{lock.stem}.lock")
    return tmp_path


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [project / "scripts" / "bench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(project)},
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - it takes no lock
    )


def _heed_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore it, and all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.process
@pytest.mark.slow
def test_a_quick_run_prints_tables_and_writes_json(project: Path) -> None:
    """Its verdicts are not enforced, and nothing of its own is left behind."""
    out = project / "found.json"

    running = start(
        project, "residency", "--only", "decisions,cycles", "--quick", "--out", str(out)
    )
    printed, told = running.communicate(timeout=300)

    assert running.returncode == 0, told
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert document["quick"] is True
    assert {"date", "cores", "memory_mb", "python", "onnxruntime"} <= set(document["about"])
    assert set(document["parts"]) == {"cycles", "decisions"}
    assert {step["cycle"] for step in document["parts"]["cycles"]["steps"]} == set(range(1, 9))
    assert all(look["tree_mb"] > 50 for look in document["parts"]["cycles"]["looks"])
    assert len(document["parts"]["decisions"]["decisions"]) == 10
    assert all(set(bar) == {"part", "name", "bar", "figure", "met"} for bar in document["bars"])
    assert len(document["bars"]) == 7
    assert "### cycles" in printed
    assert str(project) not in printed + out.read_text(encoding="utf-8")
    assert list(project.glob("model-cache-bench-*")) == []


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_ends_its_server_too(project: Path, ending: signal.Signals) -> None:
    running = start(project, "residency", "--only", "cycles", "--quick")
    bench = psutil.Process(running.pid)
    try:
        servers = _servers(bench, timeout=120)
        family = [member for one in servers for member in (one, *one.children(recursive=True))]

        running.send_signal(ending)
        _, told = running.communicate(timeout=120)
    finally:
        if running.poll() is None:
            running.kill()

    assert running.returncode == 130, told
    assert servers
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert list(project.glob("model-cache-bench-*")) == []


def _servers(bench: psutil.Process, timeout: float) -> list[psutil.Process]:
    """The servers it has started, once they have started others."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(psutil.NoSuchProcess):
            found = [c for c in bench.children() if "serve" in c.cmdline() and c.children()]
            if found:
                return found
        time.sleep(0.1)
    return []


def test_a_part_that_is_not_there_is_named(project: Path) -> None:
    running = start(project, "residency", "--only", "speed")
    _, told = running.communicate(timeout=60)

    assert running.returncode == 2
    assert "residency has no speed; it has policies, cycles" in told

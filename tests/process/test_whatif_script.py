"""`scripts/whatif` and `scripts/simulate`, with a .venv that is this Python."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.clock import SystemClock
from models.journal import AccessJournal
from tests.process.server import ROOT

pytestmark = pytest.mark.process

TRACE = """at,model,bytes,load_seconds
1,a,300000000,1.5
2,b,500000000,0.5
3,a,,
4,c,400000000,4
5,b,,
6,c,,
7,a,,
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the scripts need, whose .venv has all locks installed."""
    for name in ("scripts", "requirements", "cache", "models", "whatif"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("embedded"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "activate").write_text(str(tmp_path / ".venv"))
    (binaries / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (binaries / "python").chmod(0o755)
    for lock in (tmp_path / "requirements").glob("*.txt"):
        shutil.copy(lock, tmp_path / ".venv" / f"{lock.stem}.lock")
    (tmp_path / "trace.csv").write_text(TRACE, encoding="utf-8")
    return tmp_path


def run(
    project: Path, script: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "scripts" / script, *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        cwd=project,
        env={**os.environ, **environment},
    )


def test_a_trace_becomes_a_table_a_plot_json_and_a_recommendation(project: Path) -> None:
    """Fails when the budgets are taken for bytes."""
    done = run(
        project,
        "whatif",
        *("--trace", "trace.csv", "--budgets-mb", "700,900,1200", "--workers", "2"),
        *("--png", "plot.png", "--json", "found.json"),
    )

    found = json.loads((project / "found.json").read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("7 requests for 3 models of 1,200 MB together")
    assert "Recommended: gdsf, 1,200 MB. " in done.stdout
    assert "replayed 15 of 15" in done.stderr
    assert (project / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert {r["budget_bytes"] for r in found["results"]} == {7 * 10**8, 9 * 10**8, 12 * 10**8}
    assert [r["hits"] for r in found["results"] if r["budget_bytes"] == 12 * 10**8] == [4] * 5


def test_without_matplotlib_the_table_comes_and_the_plot_is_missed(project: Path) -> None:
    """Fails when matplotlib is imported before the replays."""
    (project / "none").mkdir()
    (project / "none" / "matplotlib.py").write_text("raise ModuleNotFoundError(name=__name__)\n")

    done = run(
        project,
        "whatif",
        *("--trace", "trace.csv", "--png", "plot.png", "--workers", "1"),
        PYTHONPATH=str(project / "none"),
    )

    assert done.returncode == 1
    assert "budget MB" in done.stdout
    assert "plot.png is not drawn, for matplotlib is missing" in done.stderr
    assert not (project / "plot.png").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "there is no access journal at"),
        (("--trace", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("--trace", "trace.csv", "--assume-mb", "5"), "give both"),
        (("--trace", "trace.csv", "--policies", "best"), "best: there are gdsf, lru, lfu"),
        (("--trace", "trace.csv", "--budgets-mb", "0"), "0 is not above 0"),
        (("--trace", "trace.csv", "--json", "no/folder.json"), "cannot be written"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_a_reason(
    project: Path, arguments: tuple[str, ...], says: str
) -> None:
    """Fails when an error reaches the user as a traceback, with status 1."""
    done = run(project, "whatif", *arguments, "--workers", "1", BENTOML_HOME=str(project))

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


async def write_journal(path: Path, names: str) -> None:
    """Every model of 100 MB, loaded once in half a second."""
    journal = await AccessJournal.open(path, SystemClock())
    for at, name in enumerate(names):
        journal.record(name, float(at))
    for name in sorted(set(names)):
        journal.record_load(name, 0.0, 0.5, 10**8)
    await journal.aclose()


async def test_a_services_journal_is_replayed_from_where_it_is_written(project: Path) -> None:
    """Fails when BENTOML_HOME is not looked at, and when --last takes the first ones."""
    journal = project / "model-cache" / "accesses.sqlite3"
    await write_journal(journal, "aaabcbc")
    options = ("--last", "4", "--workers", "1", "--policies", "lru", "--json", "found.json")

    done = run(project, "whatif", *options, BENTOML_HOME=str(project))
    told = run(project, "whatif", *options, BENTOML_HOME="", MODEL_CACHE_JOURNAL=str(journal))

    assert told.stdout == done.stdout
    found = json.loads((project / "found.json").read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 requests for 2 models of 200 MB together")
    assert found["trace"]["models"] == {
        name: {"bytes": 10**8, "load_seconds": 0.5} for name in "bc"
    }


async def test_an_empty_journal_says_what_to_do(project: Path) -> None:
    """Fails when an empty table is printed."""
    await write_journal(project / "journal", "")

    done = run(project, "whatif", "--journal", "journal")

    assert done.returncode == 2
    assert "the journal is empty: let a service answer some requests first" in done.stderr


def test_the_simulation_prints_each_seed_and_judges_it(project: Path) -> None:
    """Fails when the exit status does not follow from what is printed."""
    done = run(project, "simulate", "--requests", "300", "--seeds", "1", "2", "--workers", "1")

    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    held = "Every seed holds its bar." in done.stdout
    assert done.returncode == (0 if held else 1), done.stderr
    assert [line for line in lines if line[:1] == ["base"]] == [
        ["base", "1"],
        ["base", "2"],
        ["base", "mean"],
    ]

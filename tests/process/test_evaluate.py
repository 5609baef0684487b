"""`scripts/evaluate` from its command line on: a real model here, and behind a real service."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.process.desk import colours
from tests.process.registered import register_as
from tests.process.server import ROOT, free_port, served
from tests.unit.evaluating_service import Service, listening

pytestmark = pytest.mark.process

COMMAND = [sys.executable, "-P", "-m", "training.evaluating.cli"]
ROWS = [
    {"text": f"{colour} {colour} {colour} {filler}", "label": colour, "source": filler}
    for colour in tiny.LABELS
    for filler in ("a", "b", "c")
] + [
    {"text": "green green a", "label": "red", "source": "a"},
    {"text": "red red b", "label": "blue"},
]
"""Eleven texts, two of them with another label than the words that are counted."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with BentoML's home, in which "colours" is registered and "looping" too."""
    folder = tmp_path_factory.mktemp("evaluate")
    register_as(folder / "home", "colours", folder=colours(folder / "m"))
    looping = colours(folder / "l", tiny.write_looping_model)
    register_as(folder / "home", "looping", folder=looping)
    return folder


def data(folder: Path, rows: Sequence[dict[str, str]] = ROWS) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def environment(home: Path, **more: str) -> dict[str, str]:
    own = {"BENTOML_HOME": str(home / "home"), "PYTHONPATH": str(ROOT)}
    return {**os.environ, **own, **more}


def run(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_a_model_of_the_store_is_judged_with_a_report_figures_and_plots(
    home: Path, tmp_path: Path
) -> None:
    """Nine of eleven are right; `expected` tells how sure it is."""
    done = run(
        home,
        *("colours", "--data", data(tmp_path), "--harmless", "red"),
        *("--json", tmp_path / "found.json", "--plots", tmp_path / "plots"),
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# colours:")
    assert "11 of 11 texts read" in done.stderr
    found = read(tmp_path / "found.json")
    assert found["confusion"] == [[3, 1, 0], [0, 3, 0], [1, 0, 3]]
    assert found["metrics"]["accuracy"] == pytest.approx(9 / 11)
    three, two = max(tiny.expected(3, 0, 0)), max(tiny.expected(2, 0, 0))
    assert found["metrics"]["mce"] == pytest.approx(two)
    assert found["metrics"]["ece"] == pytest.approx((9 * (1 - three) + 2 * two) / 11)
    assert found["sources"]["(none)"]["missed"] == 1
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "confusion.png",
        "reliability.png",
    }


@pytest.mark.slow
def test_over_the_service_the_figures_are_the_same(home: Path, tmp_path: Path) -> None:
    """Asked for by its version; none comes from the prediction cache, and none goes there."""
    arguments = ("--data", data(tmp_path), "--harmless", "red", "--json")
    here = run(home, "colours", *arguments, tmp_path / "here.json")
    assert here.returncode == 0, here.stderr
    name = read(tmp_path / "here.json")["model"]["name"]

    with served("service:ModelCache", home, MODEL_CACHE_PRELOAD_MODELS="[]") as server:
        there = run(home, name, *arguments, tmp_path / "there.json", "--url", server.url)
        unknown = run(home, "nothing", *arguments, tmp_path / "x.json", "--url", server.url)
        unregistered = run(
            home, "roberta-base_pretrained", "--data", data(tmp_path), "--url", server.url
        )
        cache = server.get("/stats").json()["cache_stats"]["prediction_cache"]

    assert there.returncode == 0, there.stderr
    local, remote = read(tmp_path / "here.json"), read(tmp_path / "there.json")
    timed = {metric for metric in local["metrics"] if metric.startswith("latency")}
    assert {k: v for k, v in remote["metrics"].items() if k not in timed} == pytest.approx(
        {k: v for k, v in local["metrics"].items() if k not in timed}, abs=1e-5
    )
    assert [remote[key] for key in ("model", "confusion", "sources", "data")] == [
        local[key] for key in ("model", "confusion", "sources", "data")
    ]
    assert (cache["entries"], cache["hits"]) == (0, 0)
    assert (unknown.returncode, unregistered.returncode) == (2, 2)
    assert "Model nothing not found" in unknown.stderr
    assert "scripts/register roberta-base_pretrained" in unregistered.stderr


def test_a_missed_bar_ends_with_1_after_the_report(home: Path, tmp_path: Path) -> None:
    """Both directions; one that is held says nothing on stderr."""
    done = run(
        home,
        *("colours", "--data", data(tmp_path), "--fail-below", "accuracy=0.8"),
        *("--fail-below", "macro_f1=0.95", "--fail-above", "ece=0.05"),
    )

    assert done.returncode == 1
    missed = [line for line in done.stderr.splitlines() if line.startswith("missed: ")]
    assert [line.split()[1] for line in missed] == ["macro_f1", "ece"]
    assert "1 of 3 bars are held." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nothing",), "Model nothing not found"),
        (("No Name",), "not a valid model name"),
        (("roberta-base_pretrained",), "scripts/register roberta-base_pretrained"),
        (("colours", "--harmless", "pink"), "has no label 'pink'"),
        (("colours", "--fail-below", "beauty=1"), "there is no metric 'beauty'"),
        (("colours", "--url", f"http://127.0.0.1:{free_port()}"), "nobody answers at"),
    ],
)
def test_what_cannot_be_judged_ends_with_2_and_one_line(
    home: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    failed = run(home, *arguments, "--data", data(tmp_path))

    assert failed.returncode == 2
    assert says in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert failed.stdout == ""


def test_labels_that_are_not_the_models_are_named_before_anything_is_read(
    home: Path, tmp_path: Path
) -> None:
    rows = [*ROWS, {"text": "x", "label": "pink"}]

    failed = run(home, "colours", "--data", data(tmp_path, rows))

    assert failed.returncode == 2
    assert "has no label 'pink': the data must have the labels of the model" in failed.stderr
    assert "red, green, blue" in failed.stderr
    assert "texts read" not in failed.stderr


def test_a_text_that_the_model_cannot_answer_is_named(home: Path, tmp_path: Path) -> None:
    rows = [*ROWS[:4], {"text": "red unanswerable", "label": "red"}]

    failed = run(home, "colours", "--data", data(tmp_path, rows))

    assert failed.returncode == 2
    assert "does not answer text 5 ('red unanswerable')" in failed.stderr


def _heed_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore it, and all that this starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(home: Path, how: signal.Signals, *arguments: object) -> None:
    """Interrupt it when it has read texts: it says so, and its last child is gone with it."""
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(home),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509  # it takes no lock
    ) as process:
        assert process.stderr
        assert "texts read" in process.stderr.readline()

        process.send_signal(how)
        try:
            _, rest = process.communicate(timeout=20)
        finally:
            process.kill()

        assert rest.splitlines()[-1:] == ["interrupted"]
        assert process.returncode == 130


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_runners_too(
    home: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """While a text is read that is never answered; a child that stays would keep stderr open."""
    rows = [*ROWS[:9], *[{"text": "forever", "label": "red"}] * 31]

    interrupted(home, how, "looping", "--data", data(tmp_path, rows))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_cuts_what_the_service_was_asked(
    home: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """Whose answer never comes. Planted fault: lines not cut, so that their threads stay."""
    never, served_before = threading.Event(), iter(range(3))
    service = Service(hold=lambda: next(served_before, None) is None and never.wait(60))
    rows = [{"text": f"red {number}", "label": "red"} for number in range(64)]
    with listening(service) as url:
        try:
            interrupted(home, how, "mine", "--data", data(tmp_path, rows), "--url", url)
        finally:
            never.set()


def test_the_script_runs_what_the_project_has(home: Path, tmp_path: Path) -> None:
    """With a .venv that is this Python and has all locks."""
    project = tmp_path / "project"
    for name in ("scripts", "requirements", "cache", "models", "training"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("embedded"))
    shutil.copy(ROOT / "pyproject.toml", project)
    binaries = project / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "activate").write_text(str(project / ".venv"))
    (binaries / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (binaries / "python").chmod(0o755)
    for lock in (project / "requirements").glob("*.txt"):
        shutil.copy(lock, project / ".venv" / f"{lock.stem}.lock")

    done = subprocess.run(
        [project / "scripts" / "evaluate", "colours", "--data", data(tmp_path)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert "macro-F1" in done.stdout

"""The shell side of `scripts/register`: with a stand-in for Python that tells how it was called."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.process.server import ROOT

pytestmark = pytest.mark.process

PYTHON = """#!/usr/bin/env bash
told=$(dirname "$0")/told
case "$*" in
    *models.registration.cli*)
        echo "register ${*:4}" >>"$told"
        [[ "$*" != *fails* ]] || exit 1
        [[ "$*" != *usage* ]] || exit 2
        [[ "$*" != *mlflow-in-vain* ]] || exit 4
        [[ "$*" != *mlflow:* || -n ${MODEL_CACHE_MLFLOW_PYTHON-} ]] || exit 4
        [[ "$*" != *torch* ]] || grep -q installed "$told" || exit 3
        [[ "$*" != *torch-in-vain* ]] || exit 3
        given=${MODEL_CACHE_MLFLOW_PYTHON-}
        [[ -z $given ]] || echo "with $given" >>"$told" ;;
    *install*) echo installed "${*: -1}" >>"$told" ;;
    *importlib.metadata*) exit 1 ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the scripts, whose environments seem to have all but torch itself."""
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    pretend(tmp_path, ".venv", "core", "torch")
    pretend(tmp_path, "build/mlflow-venv", "mlflow")
    return tmp_path


def pretend(project: Path, environment: str, *locks: str) -> None:
    """Make an environment with these locks in it."""
    folder = project / environment
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "activate").write_text(str(folder))
    (folder / "bin" / "python").write_text(PYTHON)
    (folder / "bin" / "python").chmod(0o755)
    for name in locks:
        shutil.copy(project / "requirements" / f"{name}.txt", folder / f"{name}.lock")


def run(project: Path, *arguments: str) -> tuple[int, list[str]]:
    """Its exit code, and what the stand-in was asked."""
    done = subprocess.run(
        [project / "scripts" / "register", *arguments],
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, (project / ".venv" / "bin" / "told").read_text().splitlines()


def test_arguments_are_passed_on_as_they_are(project: Path) -> None:
    status, told = run(project, "mine", "--source", "dir:a b")

    assert (status, told) == (0, ["register mine --source dir:a b"])


@pytest.mark.parametrize(("name", "status"), [("fails", 1), ("usage", 2)])
def test_exit_codes_are_those_of_the_registration(project: Path, name: str, status: int) -> None:
    assert run(project, name)[0] == status


def test_torch_is_installed_only_when_a_model_needs_it_and_then_it_goes_on(project: Path) -> None:
    """Fails when the exit code 3 is taken for the end."""
    status, told = run(project, "torch-model")

    assert status == 0
    assert told == ["register torch-model", "installed torch==2.13.0", "register torch-model"]


def test_torch_that_does_not_help_is_a_failure(project: Path) -> None:
    status, told = run(project, "torch-in-vain")

    assert status == 1
    assert told.count("register torch-in-vain") == 2


def test_mlflow_s_client_is_there_when_a_model_comes_from_there(project: Path) -> None:
    """In an environment of its own: planted fault, its lock installed into .venv."""
    status, told = run(project, "mine", "--source", "mlflow:models:/m/1")

    asked = "register mine --source mlflow:models:/m/1"
    assert status == 0
    assert told == [asked, asked, f"with {project}/build/mlflow-venv/bin/python"]


def test_a_client_that_does_not_help_is_a_failure(project: Path) -> None:
    status, told = run(project, "mlflow-in-vain")

    assert status == 1
    assert told.count("register mlflow-in-vain") == 2


def test_a_model_of_mlflow_may_need_torch_too(project: Path) -> None:
    status, told = run(project, "torch-model", "--source", "mlflow:models:/m/1")

    assert status == 0
    assert told.count("installed torch==2.13.0") == 1

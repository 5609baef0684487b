"""The commands in scripts/, with stand-ins for what they would install or serve."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.process.server import ROOT, free_port

TOOLS = ("bash", "cat", "cmp", "cp", "dirname", "flock", "grep", "rm", "sed", "tail", "touch")
pytestmark = pytest.mark.process


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the scripts and locks, without .venv."""
    project = tmp_path / "project"
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, project / name)
    return project


@pytest.fixture
def installed(project: Path) -> Path:
    """The project with a .venv that seems to have the core; its bentoml tells how it was called."""
    binaries = project / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "activate").write_text(str(project / ".venv"))
    executable(binaries / "python", f'exec {sys.executable} "$@"')
    executable(binaries / "bentoml", 'printf "%s\\n" $$ "$BENTOML_DO_NOT_TRACK" "$PWD" "$@"')
    shutil.copy(project / "requirements" / "core.txt", project / ".venv" / "core.lock")
    return project


def executable(path: Path, text: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)


def bare_path(folder: Path) -> str:
    """A PATH with the shell's tools and no Python."""
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    (folder / "env").symlink_to("/usr/bin/env")
    return str(folder)


def run_function(
    project: Path, function: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Source venv.sh as the scripts do, and call one of its functions."""
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail; source scripts/lib/venv.sh; {function}"],
        cwd=project,
        env={"HOME": str(project), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_python_it_says_what_to_install(project: Path, tmp_path: Path) -> None:
    """Seen failing (a bare "command not found") without the search."""
    done = run_function(project, "ensure_venv", {"PATH": bare_path(tmp_path / "bin")})

    assert done.returncode == 1
    assert "Python 3.11 or later is needed and python3 was not found" in done.stderr
    assert not (project / ".venv").exists()


def test_a_python_that_is_too_old_is_named_with_its_version(project: Path, tmp_path: Path) -> None:
    """Seen failing with the version left unchecked."""
    path = bare_path(tmp_path / "bin")
    older = f'exec {sys.executable} -c "import sys; sys.version_info = (3, 9, 2); $2"'
    text = f'if [[ $1 == --version ]]; then echo "Python 3.9.2"; else {older}; fi'
    executable(tmp_path / "bin" / "python3", text)

    done = run_function(project, "ensure_venv", {"PATH": path})

    assert done.returncode == 1
    assert "python3 is Python 3.9.2" in done.stderr


def test_a_python_that_cannot_make_environments_is_told(project: Path, tmp_path: Path) -> None:
    """As Debian's without python3-venv. Seen failing (a traceback) without the check."""
    path = bare_path(tmp_path / "bin")
    refusing = f'[[ "$*" != *ensurepip* ]] && exec {sys.executable} "$@"'
    executable(tmp_path / "bin" / "python3", refusing)

    done = run_function(project, "ensure_venv", {"PATH": path})

    assert done.returncode == 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt-get install python{version}-venv" in done.stderr


def test_an_environment_of_an_interrupted_run_is_made_anew(installed: Path) -> None:
    """Seen failing with the marker ignored: half a package would pass for a whole one."""
    marker = installed / ".venv" / "installing"
    marker.touch()

    done = run_function(installed, "ensure_venv", {**os.environ, "PYTHON": sys.executable})

    assert done.returncode == 0, done.stderr
    assert "an earlier installation was interrupted" in done.stderr
    assert not marker.exists()
    assert (installed / ".venv" / "bin" / "pip").exists()


def test_two_runs_at_once_install_one_after_the_other(installed: Path) -> None:
    """And the second has nothing left to do. Seen failing without the lock."""
    (installed / ".venv" / "core.lock").unlink()
    pip = (
        'if [[ $2 == pip ]]; then echo began; sleep 0.5; echo ended; else exit 0; fi >> "$PIP_TOLD"'
    )
    executable(installed / ".venv" / "bin" / "python", pip)
    told = installed / "told"
    runs = [
        subprocess.Popen(
            ["bash", "-c", "set -eu; source scripts/lib/venv.sh; ensure_lock core"],
            cwd=installed,
            env={**os.environ, "PIP_TOLD": str(told)},
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]

    assert [run.wait(60) for run in runs] == [0, 0]
    assert told.read_text().split() == ["began", "ended"]


def test_without_a_network_the_message_says_what_can_be_done(installed: Path) -> None:
    """Seen failing (pip's own pages of warnings alone) without the translation."""
    (installed / ".venv" / "core.lock").unlink()
    environment = {
        **os.environ,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "PIP_DRY_RUN": "1",
        "PIP_IGNORE_INSTALLED": "1",
    }

    done = run_function(installed, "ensure_lock core", environment)

    assert done.returncode == 1
    assert "the package index cannot be reached" in done.stderr
    assert not (installed / ".venv" / "core.lock").exists()


def test_serve_becomes_the_server_and_the_users_options_count(installed: Path) -> None:
    """Signals reach only a process that was replaced by the server. Seen failing without exec."""
    port = str(free_port())
    served = subprocess.Popen(
        [installed / "scripts" / "serve", "--port", port, "--reload"],
        cwd=installed.parent,
        env={name: text for name, text in os.environ.items() if not name.startswith("BENTOML")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    told, shown = served.communicate(timeout=60)
    pid, tracking_is_off, folder, *options = told.splitlines()

    assert served.returncode == 0, shown
    assert int(pid) == served.pid
    assert (tracking_is_off, folder) == ("True", str(installed.parent))
    assert options[:2] == ["serve", "service:ModelCache"]
    assert options[-3:] == ["--port", port, "--reload"]
    assert f"http://127.0.0.1:{port}" in shown


def test_serve_says_that_the_port_is_taken(installed: Path) -> None:
    """Seen failing (a traceback of the server) without the check."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [installed / "scripts" / "serve", f"--port={port}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert f"something listens on 127.0.0.1:{port} already" in done.stderr
    assert not done.stdout

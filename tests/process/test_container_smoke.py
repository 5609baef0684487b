"""scripts/container_smoke where no engine can be had; elsewhere tests/container is what it runs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.files import ROOT

pytestmark = pytest.mark.process
TOOLS = ("bash", "cat", "dirname", "mktemp", "rm", "sed")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it where only TOOLS are installed."""
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is not there"))
    return subprocess.run(
        [ROOT / "scripts" / "container_smoke", *arguments],
        env={"PATH": str(folder), "TMPDIR": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("arguments", [(), ("--stand-in-base",)])
def test_without_an_engine_it_ends_with_77_and_says_why(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Nothing is installed or left before that. Seen failing with status 1."""
    result = run(tmp_path, *arguments)
    who = "only root" if os.geteuid() else "docker.io"

    assert (result.returncode, result.stdout) == (77, "")
    assert result.stderr.startswith("skipped: no Docker engine answers")
    assert who in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == set(TOOLS)

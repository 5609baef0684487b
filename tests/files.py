"""The project's own files, and what must not stand in them."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Folders that exist on somebody's machine only; a container's home is part of its image.
MACHINE_PATH = re.compile(
    r"(?<![\w.$}{/-])/(?!home/bentoml\b)(home|root|opt|mnt|work|workspace|Users)/\w"
)


def tracked() -> list[Path]:
    """List what git tracks, relative to the project; skips the test where there is no git."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True, text=True
    ).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]

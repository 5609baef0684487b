"""Bentos, built from a clean copy of what git tracks, and what stands in them."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.files import MACHINE_PATH, ROOT, tracked
from tests.process.server import environment_of

PACKAGES = {"api", "cache", "models"}
STRAY = ("api/__pycache__/app.cpython-311.pyc", "models/.env", "cache/.git/config", "admin-token")
SINGLE = {"CHANGELOG.md", "LICENSE", "README.md", "service.py"}
ADDRESSES = ("index-url", "find-links", "trusted-host", "/simple", "file:/")


@dataclass(frozen=True, slots=True)
class Bento:
    """A built Bento. `folder` has BentoML's home; `path` is the Bento in it."""

    folder: Path
    tag: str
    path: Path

    def text(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")


def built(folder: Path, description: str) -> Bento:
    """Build by `description` (a bentofile), in a folder and a BentoML home of their own.

    Caches and secrets lie about there, as they do where people work.
    """
    source = folder / "source"
    for path in tracked():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    for stray in STRAY:
        (source / stray).parent.mkdir(exist_ok=True)
        (source / stray).write_text("token", encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "-f", description, "--output", "tag"],
        cwd=source,
        env=environment_of(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    tag = run.stdout.split("__tag__:")[1].split()[0]
    name, _, version = tag.partition(":")
    return Bento(folder, tag, folder / "home" / "bentos" / name / version)


def held(bento: Bento) -> set[str]:
    """List the files of its source."""
    source = bento.path / "src"
    return {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}


def ours(*others: str) -> set[str]:
    """List what it should hold: our packages as git tracks them, what every Bento has, `others`."""
    return SINGLE | {str(path) for path in tracked() if path.parts[0] in PACKAGES} | {*others}


def places(bento: Bento) -> list[str]:
    """Find lines that name a folder of this machine, or where packages come from."""
    folders = (str(ROOT), str(bento.folder), sys.prefix, os.path.expanduser("~/"))  # noqa: PTH111
    generated = [path for path in bento.path.rglob("*") if path.is_file()]
    texts = {
        path: path.read_text(encoding="utf-8")
        for path in generated
        if path.suffix not in {".onnx", ".md"} and "embedded" not in path.parts
    }
    return [
        f"{path.relative_to(bento.path)}: {line.strip()[:120]}"
        for path, text in texts.items()
        for line in text.splitlines()
        if MACHINE_PATH.search(line)
        or any(folder in line for folder in folders)
        or ("src" not in path.parts and any(word in line.lower() for word in ADDRESSES))
    ]


def hashes(text: str) -> set[str]:
    return {word for word in text.split() if word.startswith("--hash=sha256:")}

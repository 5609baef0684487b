"""axe-core, which finds barriers in pages: fetched by npm once, held to its digest."""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.files import ROOT

VERSION = "4.14.1"
DIGEST = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""SHA-512 of the package, in base64, as npm's registry states it."""


def axe_script() -> Path:
    """Find axe.min.js below build/, fetched now if need be; skip without npm, fail in CI."""
    package = ROOT / "build" / f"axe-core-{VERSION}.tgz"
    package.parent.mkdir(exist_ok=True)
    if not package.exists():
        _fetch(package)
    digest = hashlib.sha512(package.read_bytes()).digest()
    assert base64.b64encode(digest).decode() == DIGEST, f"{package} is another file; remove it"
    script = package.parent / f"axe-{VERSION}.min.js"
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        script.write_bytes(member.read())
    return script


def _fetch(package: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _cannot("npm is not there (Debian: apt-get install npm)")
        return
    command = [npm, "pack", f"axe-core@{VERSION}", "--pack-destination", str(package.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=package.parent)
    if done.returncode:
        _cannot(f"npm could not fetch axe-core: {done.stderr[-300:]}")


def _cannot(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)

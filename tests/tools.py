"""Programs of Debian that tests run, and that not every machine has."""

import os
import shutil

import pytest

PACKAGES = {"chromedriver": "chromium-driver", "node": "nodejs", "promtool": "prometheus"}
"""Where a program's package has another name."""

DAEMONS = "/usr/sbin"
"""Where some of them are, and not everybody looks."""


def debian_tool(name: str) -> str:
    """Find the program; skip where it is not there, fail where everything has to be."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), DAEMONS)))
    told = f"{name} is not there (Debian: apt-get install {PACKAGES.get(name, name)})"
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(told)
    assert found, told
    return found

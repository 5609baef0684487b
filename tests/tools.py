"""Programs of Debian that tests run, and that not every machine has."""

import os
import shutil

import pytest

PACKAGES = {
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "haproxy": "haproxy",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "redis-server": "redis-server",
}
DAEMONS = "/usr/sbin"
"""Where some of them are, and not everybody looks."""


def debian_tool(name: str) -> str:
    """Find the program; skip where it is not there, fail where everything has to be."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), DAEMONS)))
    told = f"{name} is not there (Debian: apt-get install {PACKAGES[name]})"
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(told)
    assert found, told
    return found

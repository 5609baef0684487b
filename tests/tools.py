"""Programs of Debian's packages that tests run, and that not every machine has."""

import os
import shutil

import pytest


def debian_tool(name: str, package: str = "prometheus") -> str:
    """Find the program; skip where it is not there, fail where everything has to be."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    found = shutil.which(name, path=places)
    told = f"{name} is not there (Debian: apt-get install {package})"
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(told)
    assert found, told
    return found

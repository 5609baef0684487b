"""Programs of Debian that tests run, and that not every machine has."""

import os
import shutil

import pytest

PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Where a program's package has another name than prometheus."""


def debian_tool(name: str) -> str:
    """Find the program; skip where it is not there, fail where everything has to be."""
    found = shutil.which(name)
    told = f"{name} is not there (Debian: apt-get install {PACKAGES.get(name, 'prometheus')})"
    if found is None and os.environ.get("CI") != "true":
        pytest.skip(told)
    assert found, told
    return found

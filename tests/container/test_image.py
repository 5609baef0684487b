"""The image: what is in it and what is not, and how it starts when nothing is said."""

import json
import re
import urllib.parse

import pytest

from tests.container.conftest import Note
from tests.container.engine import docker, inspect, started, until
from tests.files import MACHINE_PATH, ROOT

MB = 1_000_000
BASE = "python:3.11-slim"
TOOLS = ("gcc", "cc", "g++", "make", "ld", "git", "uv")
ASK = "import urllib.request as web; print(web.urlopen('http://127.0.0.1:8003/readyz').status)"


def in_image(image: str, command: str) -> str:
    return docker("run", "--rm", "--network=none", "--entrypoint=sh", image, "-c", command)


def layer(image: str, made_by: str) -> float:
    """Say how many MB the layer has whose instruction begins so."""
    listed = docker("history", "--human=false", "--format={{.Size}} {{.CreatedBy}}", image)
    [size] = [line.split()[0] for line in listed.splitlines() if made_by in line]
    return int(size) / MB


def test_its_size_is_that_of_the_base_and_what_the_service_needs(image: str, note: Note) -> None:
    """Seen failing with 100 MB more in it; BentoML's own Dockerfile puts 950 MB on the base."""
    size, base = (inspect(name)["Size"] / MB for name in (image, BASE))
    note("image", f"{size:.0f} MB")
    note("  base image", f"{base:.0f} MB")
    note("  Python packages, with compiled files", f"{layer(image, 'COPY /app/.venv'):.0f} MB")
    note("  the Bento, with the embedded classifier", f"{layer(image, 'COPY /home'):.0f} MB")

    assert size - base < 400


def test_nothing_in_it_compiles_or_installs_by_network(image: str) -> None:
    """Seen failing with a gcc in the last stage."""
    assert in_image(image, f"command -v {' '.join(TOOLS)}; find / -xdev -name .cache; true") == ""


def test_it_runs_as_a_user_who_owns_none_of_its_code(image: str) -> None:
    """Seen failing with the Bento given to that user, and with root as the user."""
    writable = "find /app $BENTO_PATH -writable ! -type l"

    assert inspect(image)["Config"]["User"] == "1034:1034"
    assert in_image(image, f"id -u; {writable}") == "1034"


def test_it_holds_neither_a_cache_of_tests_nor_a_secret(image: str) -> None:
    """Seen failing with a folder of tests in it."""
    found = in_image(image, "find $BENTO_PATH -name 'test*' -o -name '.*' -o -name '*token'")

    assert [path for path in found.split() if not path.endswith("/api/tokens.py")] == []
    assert in_image(image, "ls $BENTO_PATH/src").split() == [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "__pycache__",
        "api",
        "bentofile.yaml",
        "cache",
        "models",
        "requirements",
        "service.py",
    ]


def test_neither_history_nor_settings_say_where_it_was_built(image: str) -> None:
    """Seen failing with an index as a build argument, `ENV PIP_CERT`, and a pip.conf left in it."""
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", image)
    told = f"{history}\n{json.dumps(inspect(image)['Config'])}"
    addresses = {
        urllib.parse.urlsplit(url).hostname for url in re.findall(r"https?://[^\s'\"]+", told)
    }

    assert addresses <= {"127.0.0.1"}
    assert MACHINE_PATH.findall(told) == []
    assert str(ROOT) not in told
    assert re.findall(r"PIP_\w+|UV_\w+|\w+_proxy", told, flags=re.IGNORECASE) == []
    assert in_image(image, "cat /etc/pip.conf /run/secrets/* 2>/dev/null; true") == ""


@pytest.mark.parametrize("name", ["BENTOML_DO_NOT_TRACK=True", "HF_HUB_DISABLE_TELEMETRY=1"])
def test_nobody_is_told_that_it_runs(image: str, name: str) -> None:
    """Seen failing with the variables empty."""
    assert name in inspect(image)["Config"]["Env"]


def test_it_listens_on_8003_and_is_healthy_when_nothing_is_said(image: str, note: Note) -> None:
    """Hardened, store in /tmp. Seen failing with BENTOML_PORT=3000, and with HEALTHCHECK NONE."""
    options = ("--env=BENTOML_HOME=/tmp/bentoml", "--health-interval=1s")
    with started(image, *options) as container:
        until(lambda: container.state["Health"]["Status"] == "healthy", container, "healthy")
        answered = container.run("python", "-c", ASK)
        healthy = container.state["Health"]["Status"]
        status = container.stop()
    note("health check", healthy)

    assert inspect(image)["Config"]["ExposedPorts"] == {"8003/tcp": {}}
    assert (answered, healthy, status) == ("200", "healthy", 0)


def test_its_health_check_fails_where_nothing_answers(image: str) -> None:
    """Seen failing with a check that only starts Python."""
    [_, *check] = inspect(image)["Config"]["Healthcheck"]["Test"]
    run = ("run", "--rm", "--network=none", "--entrypoint=sh", image, "-c")

    assert docker(*run, '"$@" 2>/dev/null; echo $?', "sh", *check) == "1"

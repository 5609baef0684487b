"""Only `scripts/container_smoke` runs these tests: they need an image on an engine."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container.engine import Container, docker, served
from tests.files import ROOT

collect_ignore_glob = [] if "CONTAINER_IMAGE" in os.environ else ["test_*.py"]
EMBEDDED = ROOT / "models" / "embedded"
REGISTERED = "my-model_trained"

Note = Callable[[str, object], None]


@pytest.fixture(scope="session")
def image() -> str:
    return os.environ["CONTAINER_IMAGE"]


@pytest.fixture(scope="session")
def note() -> Note:
    """Keeps a figure for the table that the script prints."""
    path = Path(os.environ["CONTAINER_FIGURES"])

    def write(name: str, value: object) -> None:
        with path.open("a", encoding="utf-8") as figures:
            figures.write(f"{name:<44} {value}\n")

    return write


@pytest.fixture(scope="session")
def store(image: str) -> Iterator[str]:
    """A volume with a model, made by the commands of deploy/compose.yaml and docs/deploy.md."""
    volume = docker("volume", "create", f"--label=smoke={image}")
    handed = ("--user=0:0", "--cap-drop=ALL", "--cap-add=CHOWN", "--read-only")
    mounted = ("--rm", f"--volume={volume}:/store", "--network=none")
    register = (
        "PYTHONPATH=$BENTO_PATH/src python -P -m models.registration.cli"
        f" {REGISTERED} --source dir:/incoming"
    )
    try:
        docker("run", *mounted, *handed, "--entrypoint=chown", image, "1034:1034", "/store")
        incoming = ("--env=BENTOML_HOME=/store", f"--volume={EMBEDDED}:/incoming:ro")
        docker(
            "run", *mounted, "--tmpfs=/tmp", "--read-only", *incoming, image, "sh", "-c", register
        )
        yield volume
    finally:
        docker("volume", "rm", "--force", volume)


@pytest.fixture(scope="session")
def server(image: str, store: str, note: Note) -> Iterator[Container]:
    with served(image, f"--volume={store}:/store", "--env=BENTOML_HOME=/store") as container:
        note("docker run to /readyz, store mounted", f"{container.ready_seconds:.1f} s")
        yield container

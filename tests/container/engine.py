"""What tests ask of a Docker engine: images, containers, their health and their end."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.process.server import free_port

HARDENED = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
TIMEOUT = 120.0
STOP_SECONDS = 95


@dataclass(frozen=True, slots=True)
class Container:
    """A running container; where it has the machine's network, it answers at `url`."""

    name: str
    url: str
    ready_seconds: float = 0.0

    @property
    def state(self) -> dict[str, Any]:
        return inspect(self.name)["State"]  # type: ignore[no-any-return]

    @property
    def log(self) -> str:
        return docker("logs", self.name, merged=True)

    def run(self, *command: str) -> str:
        return docker("exec", self.name, *command)

    def stop(self) -> int:
        """Stop as an orchestrator does, and say the exit status."""
        docker("stop", f"--time={STOP_SECONDS}", self.name)
        status: int = self.state["ExitCode"]
        return status


def docker(*arguments: str, merged: bool = False) -> str:
    """Run the client; its output without the last line break. `merged`: both streams."""
    run = subprocess.run(
        ["docker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"docker {' '.join(arguments)}: {run.stdout}{run.stderr}"
    return run.stdout.removesuffix("\n")


def inspect(name: str) -> dict[str, Any]:
    [described] = json.loads(docker("inspect", name))
    return dict(described)


@contextlib.contextmanager
def started(image: str, *options: str, network: str = "none") -> Iterator[Container]:
    """Start hardened; removed at the end, whatever happened."""
    name = docker("run", "--detach", *HARDENED, f"--network={network}", *options, image)
    try:
        yield Container(name, "")
    finally:
        docker("rm", "--force", "--volumes", name)


@contextlib.contextmanager
def served(image: str, *options: str) -> Iterator[Container]:
    """Start hardened on a port of the machine that is free, and wait until it is ready."""
    port, began = free_port(), time.monotonic()
    url = f"http://127.0.0.1:{port}"
    with started(image, *options, f"--env=BENTOML_PORT={port}", network="host") as container:
        until(lambda: answers(url), container, "ready")
        yield Container(container.name, url, time.monotonic() - began)


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK
    return False


def until(holds: Callable[[], bool], container: Container, what: str) -> None:
    """Ask until it holds; fails with the log when the container ended or time is up."""
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert container.state["Running"], f"it ended before it was {what}:\n{container.log}"
        assert time.monotonic() < deadline, f"not {what} in {TIMEOUT} s:\n{container.log}"
        time.sleep(0.02)

"""A real `bentoml serve`: own store, own port on 127.0.0.1, its log kept, ended by its pid."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parents[2]
LOOPBACK = "127.0.0.1"
START_TIMEOUT = 90.0
STOP_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `log` is all that it and its children wrote."""

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        return self.process.pid

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30)

    def post(self, path: str, **arguments: str) -> httpx.Response:
        return httpx.post(self.url + path, params=arguments or None, timeout=120)

    def stop(self) -> int:
        """Send SIGTERM and wait; returns the exit status."""
        self.process.terminate()
        return self.process.wait(STOP_TIMEOUT)

    def wait_until(self, holds: Callable[[], bool], timeout: float = START_TIMEOUT) -> None:
        """Ask until it holds; fails with the log when the server ended or time is up."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log}")
            with contextlib.suppress(httpx.TransportError):
                if holds():
                    return
            time.sleep(0.05)
        raise AssertionError(f"not within {timeout} s:\n{self.log}")


@contextlib.contextmanager
def served(
    target: str,
    folder: Path,
    *,
    port: int | None = None,
    cwd: Path = ROOT,
    wait_for: str = "/readyz",
    host: str = LOOPBACK,
    **environment: str,
) -> Iterator[Server]:
    """Serve `target` with `folder`/home as BentoML's home; `environment` is added to ours."""
    port = port or free_port()
    with started(target, folder, port, cwd, environment, host=host) as server:
        server.wait_until(lambda: server.get(wait_for).status_code == httpx.codes.OK)
        yield server


@contextlib.contextmanager
def started(
    target: str,
    folder: Path,
    port: int,
    cwd: Path,
    environment: Mapping[str, str],
    *,
    host: str = LOOPBACK,
) -> Iterator[Server]:
    """Start without waiting; whatever is left of it is killed at the end."""
    options = ["--host", host, "--port", str(port), "--timeout-graceful-shutdown", "30"]
    log_path = folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", target, *options],
            cwd=cwd,
            env={**environment_of(folder), **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"http://127.0.0.1:{port}", process, log_path)
    family = family_of(process.pid)
    try:
        yield server
        family += family_of(process.pid)
        if process.poll() is None:
            server.stop()
    finally:
        end(process, family)


def environment_of(folder: Path) -> dict[str, str]:
    """Our environment without settings of the service, with a home of its own for BentoML."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MODEL_CACHE_")}
    own = {"BENTOML_HOME": str(folder / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    return kept | own | {"PYTHONUNBUFFERED": "1"}


def family_of(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def end(process: subprocess.Popen[bytes], family: list[psutil.Process]) -> None:
    """Kill what is left of the server, by pid, and collect it."""
    for member in (*family, *family_of(process.pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait(STOP_TIMEOUT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

"""A real `bentoml serve`: a store and a port of its own on 127.0.0.1, ended by its pid."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

SERVICE = "service:ModelCache"
ROOT = Path(__file__).parents[1]
START_TIMEOUT = 120.0
STOP_TIMEOUT = 60.0
ASK_TIMEOUT = 150.0
"""Seconds."""

PLAIN = {
    "PRELOAD_MODELS": "[]",
    "ENABLE_AUTO_SCALING": "false",
    "JOURNAL_ENABLED": "false",
    "RESTORE_WORKING_SET": "false",
    "CLEANUP_INTERVAL": "86400",
    "MAX_MODELS": "100",
    "SHUTDOWN_DELAY": "0",
}
"""Settings of a server on which nothing happens by itself; a topic may set others."""


class ServerFailed(Exception):
    """The server did not start, or ended; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready. `home` is its BENTOML_HOME."""

    port: int
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def get(self, path: str, **query: object) -> dict[str, Any]:
        return self._json("GET", path, query)

    def post(self, path: str, **query: object) -> dict[str, Any]:
        return self._json("POST", path, query)

    def _json(self, method: str, path: str, query: Mapping[str, object]) -> dict[str, Any]:
        """Raises httpx.HTTPError for an answer that is an error."""
        url = f"http://127.0.0.1:{self.port}{path}"
        params = {name: str(value) for name, value in query.items()}
        answer = httpx.request(method, url, params=params or None, timeout=ASK_TIMEOUT)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document


@contextlib.contextmanager
def served(folder: Path, store: Path | None, settings: Mapping[str, str]) -> Iterator[Server]:
    """Serve with `folder`/home as BENTOML_HOME, and `store` in place of the model store there.

    `settings` are MODEL_CACHE_ variables without that prefix. However this ends, so does the
    server with all its processes.
    """
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    if store is not None and not (home / "models").exists():
        (home / "models").symlink_to(store.resolve(), target_is_directory=True)
    port, log = free_port(), folder / "server.log"
    process = _start(port, log, environment(home, settings))
    family: list[psutil.Process] = []
    try:
        _wait_until_ready(port, process, log)
        family += _family(process.pid)
        yield Server(port, home, process)
        family += _family(process.pid)
        process.terminate()
        process.wait(STOP_TIMEOUT)
    finally:
        _end(process, family)


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, without settings of the service but those that are given."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MODEL_CACHE_")}
    own = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PYTHONUNBUFFERED": "1"}
    told = {f"MODEL_CACHE_{name}": text for name, text in {**PLAIN, **settings}.items()}
    return kept | own | told


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start(port: int, log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches the bench alone, which then ends it."""
    options = ["--host", "127.0.0.1", "--port", str(port), "--timeout-graceful-shutdown", "30"]
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE, *options]
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603  # the command is ours
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if (
                httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code
                == httpx.codes.OK
            ):
                return
        time.sleep(0.05)
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise ServerFailed(f"the server is not ready:\n{tail}")


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _end(process: subprocess.Popen[bytes], family: list[psutil.Process]) -> None:
    """Kill what is left, by pid: psutil knows a process from one that has got its number."""
    for member in (*family, *_family(process.pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait(STOP_TIMEOUT)

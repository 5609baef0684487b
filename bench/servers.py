"""A real `bentoml serve`: a store and a port of its own on 127.0.0.1, ended by its pid."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.processes import Program, free_port, running, wait_until_ready

SERVICE = "service:ModelCache"
ROOT = Path(__file__).parents[1]
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

    def put(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._json("PUT", path, {}, body)

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Raises httpx.HTTPError for an answer that is an error."""
        url = f"http://127.0.0.1:{self.port}{path}"
        params = {name: str(value) for name, value in query.items()}
        answer = httpx.request(method, url, params=params or None, json=body, timeout=ASK_TIMEOUT)
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
    command = bento_command(sys.executable, SERVICE, port)
    with running(Program(command, ROOT, environment(home, settings)), log) as process:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", process, log)
        yield Server(port, home, process)


def bento_command(python: str, service: str, port: int) -> list[str]:
    options = ["--host", "127.0.0.1", "--port", str(port), "--timeout-graceful-shutdown", "30"]
    return [python, "-m", "bentoml", "serve", service, *options]


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, without settings of the service but those that are given."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MODEL_CACHE_")}
    own = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PYTHONUNBUFFERED": "1"}
    told = {f"MODEL_CACHE_{name}": text for name, text in {**PLAIN, **settings}.items()}
    return kept | own | told

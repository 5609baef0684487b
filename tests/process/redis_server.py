"""A real Redis on loopback with its own folder, ended by its pid."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.server import free_port
from tests.tools import debian_tool

PATIENCE = 60.0


class RedisServer:
    """Keeps nothing on disk: what it knew is gone when it is started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._binary = debian_tool("redis-server")
        if os.environ.get("CI") != "true":
            pytest.importorskip("redis")
        self._folder = folder
        self._options = options
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """On the same port as before; answers when this returns."""
        own = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, *own, "--save", "", *self._options], stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            assert time.monotonic() < deadline, (self._folder / "redis.log").read_text()
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)

    def ask(self, *words: str | bytes) -> bytes:
        """Send one command; what it answers, as it comes over the wire."""
        return self._talk(words)

    def ask_as(self, password: str, *words: str | bytes) -> bytes:
        """The same, after a login."""
        return self._talk(("AUTH", password), words)

    def _talk(self, *commands: tuple[str | bytes, ...]) -> bytes:
        sent = b"".join(written(command) for command in (*commands, ("QUIT",)))
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(sent)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ask("PING")[:1] in b"+-"
        return False


def written(words: tuple[str | bytes, ...]) -> bytes:
    """One command as it is sent."""
    parts = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


@contextlib.contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(folder, *options)
    try:
        server.start()
        yield server
    finally:
        server.end()

"""Processes that the bench starts: each in a session of its own, and ended with all its children.

So Ctrl-C reaches the bench alone, which then ends them.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

START_TIMEOUT = 180.0
STOP_TIMEOUT = 60.0
"""Seconds."""


class ServerFailed(Exception):
    """A process did not start, or ended; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: a command, where, and with which environment."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


@contextlib.contextmanager
def running(program: Program, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """What it writes on either stream goes to `log`. However this ends, so does the process."""
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603  # the commands are ours
            program.command,
            cwd=program.folder,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    seen: list[psutil.Process] = []
    try:
        yield process
        seen += family(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT)
    finally:
        end(process, seen)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until `url` answers 200. Raises ServerFailed."""
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(0.05)
    raise ServerFailed(f"{url.rpartition('/')[2]} does not answer:\n{tail(log)}")


def tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def end(process: subprocess.Popen[Any], seen: Sequence[psutil.Process]) -> None:
    """Kill what is left, by pid: psutil knows a process from one that has got its number."""
    for member in (*seen, *family(process.pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait(STOP_TIMEOUT)

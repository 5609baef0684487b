"""What tests of processes look at: who lives, who belongs to whom, what is held open."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from models.forkserver import ForkServer
from models.runner import Answer, Runner

TRACKER = "multiprocessing.resource_tracker"
LONG = 20
"""Seconds for what takes milliseconds, on a machine that is busy with other things."""


def lives(pid: int) -> bool:
    """Neither ended nor, as "dead" is for a moment, about to be reaped."""
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False


def living_children(forkserver: ForkServer) -> list[psutil.Process]:
    return [child for child in psutil.Process(forkserver.pid).children() if lives(child.pid)]


def children() -> list[int]:
    """The living children of this process, but for the tracker of resources that multiprocessing
    starts when it is first used, by whatever test, and keeps until this process ends.
    """
    living = [child for child in psutil.Process().children() if lives(child.pid)]
    return [child.pid for child in living if TRACKER not in " ".join(child.cmdline())]


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def sockets(pid: int) -> set[str]:
    links = (str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir())
    return {link for link in links if link.startswith("socket:")}


async def until(condition: Callable[[], bool], what: str) -> None:
    """Poll for something that the kernel does soon; fails after ten seconds."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"still not: {what}")


async def ask(runner: Runner, text: str, *, timeout: float = LONG) -> Answer:
    """The answer to one text. Raises its error."""
    [outcome] = await runner.predict([text], timeout=timeout)
    if not isinstance(outcome, Answer):
        raise outcome
    return outcome

"""No runner and no fork server outlives the service, however it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from models import wire
from models.forkserver import _start_process
from tests import tiny
from tests.process.processes import lives, until

pytestmark = pytest.mark.process

SERVICE = """
import asyncio, sys
from pathlib import Path
from models.forkserver import ForkServer
from models.runner import Runner
from tests import tiny

async def main():
    folder = Path(sys.argv[1])
    server = await ForkServer.start()
    orders = [tiny.order(folder)] * 3
    runners = [await Runner.start(server, order, timeout=20) for order in orders]
    hanging = runners[0].predict(["forever"], timeout=60)
    await runners[0].predict(["red"], timeout=20)
    print(server.pid, *(runner.pid for runner in runners), flush=True)
    await hanging

asyncio.run(main())
"""


def start_service(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A process like the service with three runners, the first in an endless inference."""
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(tiny.write_looping_model(folder))],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert service.stdout
    with service.stdout as lines:
        return service, [int(pid) for pid in lines.readline().split()]


async def kill_service(service: subprocess.Popen[str], pids: list[int]) -> None:
    assert len(pids) == 4
    assert all(map(lives, pids))
    service.kill()
    service.wait()
    try:
        await until(lambda: not any(map(lives, pids)), "all processes gone")
    finally:
        for pid in filter(lives, pids):
            os.kill(pid, signal.SIGKILL)


async def test_kill_9_of_the_service_leaves_no_process_alive(tmp_path: Path) -> None:
    """Planted fault: a fork server that took the end of its socket for a request lived on."""
    service, pids = start_service(tmp_path)

    await kill_service(service, pids)


async def test_kill_9_of_the_service_ends_stopped_runners_too(tmp_path: Path) -> None:
    """Planted fault: leaving without ending its process group left the stopped one behind."""
    service, pids = start_service(tmp_path)
    os.kill(pids[-1], signal.SIGSTOP)

    await kill_service(service, pids)


async def test_runners_whose_fork_server_died_first_end_with_the_service(tmp_path: Path) -> None:
    """Planted fault: one that left in good order waited for its endless inference."""
    service, pids = start_service(tmp_path)
    os.kill(pids.pop(0), signal.SIGKILL)

    await kill_service(service, [service.pid, *pids])


async def test_a_service_that_ends_before_it_has_read_everything_is_noticed_too() -> None:
    """Planted fault: the reset of such a connection ended the fork server, not its runners."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = _start_process(theirs.fileno())
    link, runners_end = socket.socketpair()
    with control, link, runners_end:
        socket.send_fds(control, [b"fork"], [runners_end.fileno()])
        [hello] = wire.Decoder().feed(link.recv(64))
        os.kill(hello["pid"], signal.SIGSTOP)
        control.close()

        await until(lambda: not lives(hello["pid"]), "the stopped runner gone")
    process.communicate()
    assert process.returncode == -signal.SIGKILL

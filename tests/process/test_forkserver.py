"""The fork server process: what it forks, what it survives, and what never survives it."""

import asyncio
import errno
import os
import signal
import socket
from pathlib import Path

import psutil
import pytest

from models import forkserver_main
from models.child import Child
from models.errors import ModelLoadFailed
from models.forkserver import ForkServer
from models.runner import Runner, run_in_child
from tests import tiny
from tests.process.processes import LONG, ask, descriptors, lives, sockets, until

pytestmark = pytest.mark.process


async def test_runners_answer_on_after_the_fork_servers_death(
    forkserver: ForkServer, tmp_path: Path
) -> None:
    """With multiprocessing's fork server they would be reported dead; a pidfd knows better."""
    runner = await Runner.start(forkserver, tiny.order(tiny.write_model(tmp_path)), timeout=LONG)

    os.kill(forkserver.pid, signal.SIGKILL)

    answer = await ask(runner, "red")
    assert answer.row.probabilities == pytest.approx(tiny.expected(1, 0, 0))
    await runner.close()
    assert not lives(runner.pid)


async def test_a_dead_fork_server_is_started_again_once_for_all_who_need_it(
    forkserver: ForkServer,
) -> None:
    """Planted fault: without the lock each of them started one."""
    before = forkserver.pid
    os.kill(before, signal.SIGKILL)

    async with asyncio.timeout(LONG):
        children = await asyncio.gather(*(Child.start(forkserver) for _ in range(3)))

    assert forkserver.pid != before
    parents = {psutil.Process(child.pid).ppid() for child in children}
    assert parents == {forkserver.pid}
    for child in children:
        await child.close()


async def test_closing_ends_the_fork_server_and_what_it_forked(tmp_path: Path) -> None:
    forkserver = await ForkServer.start()
    runner = await Runner.start(forkserver, tiny.order(tiny.write_model(tmp_path)), timeout=LONG)
    pid = forkserver.pid
    os.kill(runner.pid, signal.SIGSTOP)

    await forkserver.aclose()
    await forkserver.aclose()

    assert not lives(pid)
    await asyncio.wait_for(runner.wait_ended(), 10)
    await runner.close()


async def test_a_closed_fork_server_forks_nothing() -> None:
    forkserver = await ForkServer.start()
    await forkserver.aclose()

    with pytest.raises(ModelLoadFailed, match="closed"):
        await Child.start(forkserver)


async def test_interrupts_and_terminations_are_ignored(forkserver: ForkServer) -> None:
    """Ctrl-C and a supervisor's TERM reach the whole group; the service decides what ends."""
    pid = forkserver.pid
    for ignored in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, ignored)

    child = await Child.start(forkserver)

    assert forkserver.pid == pid
    await child.close()


async def test_the_fork_server_is_in_no_group_that_ctrl_c_reaches(forkserver: ForkServer) -> None:
    assert os.getpgid(forkserver.pid) == forkserver.pid


async def test_the_fork_server_has_one_thread(forkserver: ForkServer) -> None:
    """A lock that another thread holds at the fork would stay locked in the child for ever.

    Planted fault: without ORT_DISABLE_TELEMETRY onnxruntime starts a thread when imported.
    """
    assert psutil.Process(forkserver.pid).num_threads() == 1


async def test_a_child_has_the_heavy_imports_and_nothing_of_the_service(
    forkserver: ForkServer,
) -> None:
    """No import of the parent's `__main__` either, which costs 20 ms with BentoML's worker."""
    modules = set(await run_in_child(forkserver, "tests.tiny:loaded_modules", {}, timeout=LONG))

    assert modules >= {"onnxruntime", "tokenizers", "numpy"}
    assert not modules & {"bentoml", "fastapi", "api", "service", "pytest", "multiprocessing"}


async def test_a_cancelled_spawn_leaves_no_child(forkserver: ForkServer) -> None:
    """It is forked when the fork server gets to it, and reads the end of its socket."""
    os.kill(forkserver.pid, signal.SIGSTOP)
    spawning = asyncio.create_task(forkserver.spawn())
    await asyncio.sleep(0)
    spawning.cancel()
    await asyncio.wait([spawning])
    os.kill(forkserver.pid, signal.SIGCONT)

    child = await Child.start(forkserver)
    assert spawning.cancelled()
    await child.close()
    await until(lambda: not psutil.Process(forkserver.pid).children(), "no child left")


async def test_ended_children_leave_no_zombies(forkserver: ForkServer) -> None:
    """Planted fault: without ignoring SIGCHLD each stayed in the process table."""
    for _ in range(3):
        child = await Child.start(forkserver)
        child.kill()
        await child.close()

    await until(lambda: not psutil.Process(forkserver.pid).children(), "children reaped")


async def test_children_hold_no_socket_but_their_own(forkserver: ForkServer) -> None:
    """Planted fault: without closing the rest a child held the fork server's control socket."""
    children = [await Child.start(forkserver) for _ in range(3)]

    held = [sockets(pid) for pid in (forkserver.pid, *(child.pid for child in children))]

    assert [len(sockets_of) for sockets_of in held] == [1, 1, 1, 1]
    assert len(set.union(*held)) == 4
    for child in children:
        await child.close()


async def test_fifty_children_leave_no_descriptor_behind(forkserver: ForkServer) -> None:
    """Planted fault: a pidfd that stayed open after the end was counted fifty times."""
    await (await Child.start(forkserver)).close()
    before = [descriptors(os.getpid()), descriptors(forkserver.pid)]

    for _ in range(50):
        await (await Child.start(forkserver)).close()

    assert [descriptors(os.getpid()), descriptors(forkserver.pid)] == before


async def test_a_fork_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = ForkServer()
    server._control = ours
    spawning = asyncio.create_task(server.spawn())
    await asyncio.sleep(0)

    monkeypatch.setattr(os, "fork", _cannot_fork)
    with theirs:
        _, [link], _, _ = socket.recv_fds(theirs, 64, 1)
        forkserver_main._fork(socket.socket(fileno=link))

    with pytest.raises(ModelLoadFailed, match=r"cannot fork: .*unavailable"):
        await spawning
    await server.aclose()


def _cannot_fork() -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


async def test_a_child_that_speaks_nonsense_is_ended(forkserver: ForkServer) -> None:
    spawned = await forkserver.spawn()
    spawned.link.close()
    child = Child(spawned.pid, spawned.pidfd)
    link, other = socket.socketpair()
    link.setblocking(False)
    await child._connect(link)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    with other:
        other.sendall(b"HTTP/1.1 200 OK")
        await asyncio.wait_for(child.wait_ended(), 10)
    await child.close()


async def test_what_it_writes_to_standard_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Else it were no lines of JSON among those of the service."""
    with pytest.raises(ModelLoadFailed):
        await ForkServer.start("models.nothing")
    await until(lambda: "No module named 'models.nothing'" in caplog.text, "the line is logged")

    assert {record.name for record in caplog.records} == {"models.forkserver"}


async def test_what_a_runner_writes_is_logged_until_it_reads_texts(
    forkserver: ForkServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A library may quote a text. Planted fault: standard error left as it is."""
    runner = await Runner.start(forkserver, tiny.order(tiny.write_model(tmp_path)), timeout=LONG)
    writes = {"target": "tests.tiny:write_to_stderr", "arguments": {"words": "in a runner"}}
    await runner._child.call("call", **writes)
    await runner.close()
    child = await Child.start(forkserver)
    writes["arguments"] = {"words": "before a load"}
    await child.call("call", **writes)
    await child.close()
    await until(lambda: "before a load" in caplog.text, "the line is logged")

    assert "in a runner" not in caplog.text

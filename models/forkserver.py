"""Our own small fork server, the service's side; `forkserver_main` is the process.

multiprocessing's would do more than is wanted: it imports the parent's `__main__` again in every
child, keeps a resource tracker process, speaks in pickles, and when it dies it reports living
children as dead. Here a child is a process id, a pidfd, which no reuse of ids can mislead, and a
socket whose end is the one signal to end.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

from models import wire
from models.errors import ModelLoadFailed
from models.last_words import relay

_log = logging.getLogger(__name__)
_PROJECT = Path(__file__).resolve().parents[1]

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    "HF_HUB_OFFLINE": "1",
    "MKL_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Without these the libraries start threads when they are imported, and a fork needs there to be
one; onnxruntime's thread would send usage data to its maker. CUDA is to count GPUs as the driver
does, and no library is to look for anything on a network."""

_ENGINES = {"onnx": "models.engines.onnx", "pytorch": "models.engines.transformers"}
"""The module of each engine; its `warm_up` does the imports."""

_DYING = 0.5
"""Seconds that a process whose socket has ended gets to be seen as ended."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """A child that waits for its first frame. Whoever has it closes both descriptors."""

    pid: int
    pidfd: int
    link: socket.socket


class ForkServer:
    """Forks runners from a process that has the heavy imports done and no model loaded.

    `preload` is the engine's module whose imports those are. torch's would be dead weight for
    all who run none of its models, so they are in a second process, see `of`.
    """

    def __init__(self, preload: str = _ENGINES["onnx"]) -> None:
        self._preload = preload
        self._others: dict[str, ForkServer] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._words: threading.Thread | None = None
        self._starting = asyncio.Lock()
        self._adding = asyncio.Lock()
        self._closed = False

    @classmethod
    async def start(cls, preload: str = _ENGINES["onnx"]) -> Self:
        """Returns when the imports are done. Raises ModelLoadFailed if it cannot start."""
        server = cls(preload)
        try:
            await server._launch()
        except BaseException:
            await server.aclose()
            raise
        return server

    @property
    def pid(self) -> int:
        """The process whose children the runners are; another one after a restart, 0 for none."""
        return self._process.pid if self._process else 0

    @property
    def pids(self) -> frozenset[int]:
        """This process and those of the other engines; none that has not been started."""
        others = (pid for other in self._others.values() for pid in other.pids)
        return frozenset({self.pid, *others} - {0})

    def has(self, engine: str) -> bool:
        """Is there a process with the imports of `engine`?"""
        return _ENGINES[engine] == self._preload or engine in self._others

    async def of(self, engine: str) -> "ForkServer":
        """The one with the imports of `engine`; another than this is started when first asked for.

        That takes seconds, once. It ends with this one.
        """
        if self.has(engine):
            return self._others.get(engine, self)
        async with self._adding:
            if engine not in self._others:
                other = await ForkServer.start(_ENGINES[engine])
                if self._closed:
                    await other.aclose()
                    raise ModelLoadFailed("the fork server is closed")
                self._others[engine] = other
        return self._others[engine]

    async def spawn(self) -> Spawned:
        """Fork a child; its end of the socket is held by nobody else.

        A fork server that died is started again, once. Raises ModelLoadFailed when there is no
        child to be had. Cancelled, it leaves no child: one that is forked too late reads the end.
        """
        process = self._process
        spawned = await self._try_spawn()
        if spawned is None:
            await self._revive(process)
            spawned = await self._try_spawn()
        if spawned is None:
            raise ModelLoadFailed("the fork server ended while it forked a runner")
        return spawned

    async def aclose(self) -> None:
        """End the fork server, and with it every runner that is left. May be called again."""
        self._closed = True
        for other in tuple(self._others.values()):
            await other.aclose()
        process, self._process = self._process, None
        if self._control:
            self._control.close()
        if process:
            _kill_group(process)
            await asyncio.to_thread(process.wait)
        if self._words:
            await asyncio.to_thread(self._words.join, _DYING)

    async def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._control = ours
        with theirs:
            self._process = _start_process(theirs.fileno(), self._preload)
        self._words = relay(cast("IO[bytes]", self._process.stderr), _log)
        if not await asyncio.get_running_loop().sock_recv(ours, 64):
            raise ModelLoadFailed("the fork server ended while it started; its log says why")

    async def _revive(self, suspect: subprocess.Popen[bytes] | None) -> None:
        """Start it again if `suspect` is dead; concurrent callers share one start."""
        async with self._starting:
            if suspect is None or suspect is not self._process:
                return
            if not await asyncio.to_thread(_has_ended, suspect):
                return
            if self._control:
                self._control.close()
            await self._launch()

    async def _try_spawn(self) -> Spawned | None:
        """None when the fork server, or the child, ended before the child said its name."""
        if self._closed or not self._control:
            raise ModelLoadFailed("the fork server is closed")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with closing(theirs):
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
            spawned = await _receive(ours)
        except BlockingIOError as error:
            ours.close()
            raise ModelLoadFailed("the fork server does not answer") from error
        except ConnectionError:
            spawned = None
        except BaseException:
            ours.close()
            raise
        if spawned is None:
            ours.close()
        return spawned


def _start_process(control: int, preload: str = _ENGINES["onnx"]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, [str(_PROJECT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-P", "-m", "models.forkserver_main", str(control), preload],
        env=os.environ | _ENVIRONMENT | {"PYTHONPATH": path},
        pass_fds=[control],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End it and its runners; before it has made its group there are none."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_DYING)
    except subprocess.TimeoutExpired:
        return False
    return True


async def _receive(link: socket.socket) -> Spawned | None:
    """What a fresh child sends first: its process id, and its pidfd beside it."""
    await _readable(link)
    data, fds, _, _ = socket.recv_fds(link, 4096, 1)
    if not data:
        return None
    [hello] = wire.Decoder().feed(data)
    if "error" in hello:
        raise ModelLoadFailed(hello["error"])
    [pidfd] = fds
    os.set_inheritable(pidfd, False)
    return Spawned(hello["pid"], pidfd, link)


async def _readable(link: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(link, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(link)

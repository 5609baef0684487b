"""A forked child seen from the event loop: numbered calls, its death, its end.

Nothing here waits for the child: frames that it does not read stay in a bounded buffer, its end
is told by the kernel through a pidfd, and a signal goes to that pidfd, never to a process id.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

from models import errors, wire
from models.errors import DeadlineExceeded, ModelError, RunnerDied, RunnerGone
from models.forkserver import ForkServer

T = TypeVar("T")

MAX_UNSENT = 16 * 1024 * 1024
"""Bytes that may wait for a child that does not read; a call beyond is refused."""

_READ = 1 << 16
"""Bytes a read. asyncio's own are four times as large, each of them mapped and unmapped anew."""


class CallFailed(ModelError):
    """The child answered with an error; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class _Call:
    answer: asyncio.Future[Any]
    read: Callable[[Any], Any]
    fault: type[ModelError]


class Child(asyncio.BufferedProtocol):
    """Made by `start`. The one who has it must close it."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._buffer = memoryview(bytearray(_READ))
        self._decoder = wire.Decoder()
        self._calls: dict[int, _Call] = {}
        self._number = 0
        self._closing: asyncio.Task[None] | None = None
        self._loop.add_reader(pidfd, self._on_end)

    @classmethod
    async def start(cls, forkserver: ForkServer) -> Self:
        """Fork and connect. Raises ModelLoadFailed; when it raises, nothing is left."""
        spawned = await forkserver.spawn()
        child = cls(spawned.pid, spawned.pidfd)
        try:
            await child._connect(spawned.link)
        except BaseException:
            spawned.link.close()
            await child.close(grace=0)
            raise
        return child

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def call(self, op: str, **arguments: Any) -> asyncio.Future[Any]:
        """The child's answer; fails as `ask` does, with CallFailed for what the child says."""
        return self.ask(op, arguments, _as_it_is, CallFailed)

    def ask(
        self,
        op: str,
        arguments: Mapping[str, Any],
        read: Callable[[Any], T],
        fault: type[ModelError],
    ) -> asyncio.Future[T]:
        """What `read` makes of the child's answer. Sent at once, and by no task of its own.

        Fails with `fault` for what the child says or what is too much for a frame, RunnerDied,
        RunnerGone if it was never sent, or DeadlineExceeded if the child reads nothing and the
        buffer is full.

        Cancelled, the answer is dropped when it comes; the child goes on.
        """
        answer: asyncio.Future[T] = self._loop.create_future()
        number = self._number = self._number + 1
        try:
            frame = wire.encode({"id": number, "op": op, **arguments})
            self._writable().write(frame)
        except wire.WireError as error:
            answer.set_exception(fault(str(error)))
        except ModelError as error:
            answer.set_exception(error)
        else:
            self._calls[number] = _Call(answer, read, fault)
        return answer

    def kill(self) -> None:
        """End it at once, whatever it does; does nothing when it has ended."""
        if not self.ended:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait_ended(self) -> None:
        """Return when the kernel says that the process is gone, its memory with it."""
        await self._ended.wait()

    async def close(self, *, grace: float = 1.0) -> None:
        """Let it read the end, kill it after `grace` seconds, return when it is gone.

        May be called again. A caller who is cancelled meanwhile is so afterwards.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(grace))
        await _to_the_end(self._closing)

    async def _connect(self, link: socket.socket) -> None:
        await self._loop.create_unix_connection(lambda: self, sock=link)

    def _writable(self) -> asyncio.Transport:
        if self._transport is None or self._transport.is_closing():
            raise RunnerGone(f"runner {self.pid} has ended")
        if self._transport.get_write_buffer_size() > MAX_UNSENT:
            raise DeadlineExceeded(f"runner {self.pid} does not read its calls")
        return self._transport

    async def _close(self, grace: float) -> None:
        if self._transport:
            self._transport.abort()
        if grace:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), grace)
        self.kill()
        await self._ended.wait()

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._ended.set()
        os.close(self._pidfd)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Raising here aborts the connection, which ends a child that speaks nonsense."""
        for message in self._decoder.feed(self._buffer[:nbytes]):
            call = self._calls.pop(message["id"])
            if call.answer.done():
                continue
            if "error" in message:
                call.answer.set_exception(call.fault(reason(message["error"])))
            else:
                call.answer.set_result(call.read(message["answer"]))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """The connection is the child's life: without it the calls fail, and it has to end."""
        if self._closing is None:
            self.kill()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.answer.done():
                call.answer.set_exception(RunnerDied(f"runner {self.pid} ended during the call"))


def _as_it_is(answer: Any) -> Any:
    return answer


def reason(error: Mapping[str, str]) -> str:
    """Our own errors speak for themselves; of others the type tells half."""
    if hasattr(errors, error["type"]):
        return error["message"]
    return f"{error['type']}: {error['message']}"


async def _to_the_end(task: asyncio.Task[None]) -> None:
    """Wait for `task` even when cancelled, which then happens at its end."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled

"""Asks as fast as some callers can, with little work of its own: the same for all who are measured.

One thread and raw sockets: a request costs some 30 µs here, so that what is measured beside it on
the same cores is the server.
"""

import json
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.figures import quantile
from bench.http import Unanswered

_LENGTH = b"\r\ncontent-length:"
_END = b"\r\n\r\n"
_CHUNK = 65536
_PATIENCE = 120.0
"""Seconds without any answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Seconds from sending to the last byte."""

    status: int
    seconds: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Round:
    """All requests of a round, replies in their order; `seconds` is for all together."""

    seconds: float
    replies: Sequence[Reply]

    @property
    def failed(self) -> int:
        return sum(reply.status != 200 for reply in self.replies)  # noqa: PLR2004

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return (len(self.replies) - self.failed) / self.seconds

    def milliseconds(self, part: float) -> float:
        return quantile([reply.seconds for reply in self.replies], part) * 1e3

    def labels(self, name: str) -> list[str]:
        """What is under `name` in each body; "" where the request failed."""
        bodies = (json.loads(reply.body) if reply.status == 200 else {} for reply in self.replies)  # noqa: PLR2004
        return [str(body.get(name, "")) for body in bodies]


def drive(port: int, todo: Sequence[bytes], callers: int) -> Round:
    """Each caller asks for the next as soon as he has his answer. Blocks. Raises Unanswered."""
    found: list[Reply | None] = [None] * len(todo)
    with selectors.DefaultSelector() as selector:
        left = iter(enumerate(todo))
        lines = [_Line(port) for _ in range(min(callers, len(todo)))]
        try:
            for line in lines:
                selector.register(line.connection, selectors.EVENT_READ, line)
            began = time.perf_counter()
            open_lines = sum(line.ask_next(left) for line in lines)
            while open_lines:
                open_lines -= _answered(selector, left, found)
            seconds = time.perf_counter() - began
        finally:
            for line in lines:
                line.connection.close()
    return Round(seconds, [reply for reply in found if reply is not None])


def _answered(
    selector: selectors.BaseSelector,
    left: Iterator[tuple[int, bytes]],
    found: list[Reply | None],
) -> int:
    """Take what has come; how many lines have nothing more to ask."""
    ready = selector.select(_PATIENCE)
    if not ready:
        raise Unanswered(f"no answer within {_PATIENCE:g} s")
    closed = 0
    for key, _ in ready:
        line: _Line = key.data
        reply = line.take()
        if reply is not None:
            found[line.number] = reply
            closed += not line.ask_next(left)
    return closed


@dataclass(slots=True)
class _Line:
    """A connection with one request at a time."""

    port: int
    connection: socket.socket = field(init=False)
    number: int = -1
    _sent: float = 0.0
    _read: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        try:
            self.connection = socket.create_connection(("127.0.0.1", self.port), _PATIENCE)
        except OSError as error:
            raise Unanswered(str(error)) from error
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask_next(self, left: Iterator[tuple[int, bytes]]) -> bool:
        """False when nothing is left to ask."""
        self.number, request = next(left, (-1, b""))
        if request:
            self._sent = time.perf_counter()
            try:
                self.connection.sendall(request)
            except OSError as error:
                raise Unanswered(f"a connection was closed: {error}") from error
        return bool(request)

    def take(self) -> Reply | None:
        """None until the answer is whole."""
        try:
            chunk = self.connection.recv(_CHUNK)
        except OSError as error:
            raise Unanswered(f"a connection was closed: {error}") from error
        if not chunk:
            raise Unanswered("a connection was closed")
        self._read += chunk
        end = self._read.find(_END)
        if end < 0:
            return None
        start = end + len(_END)
        whole = start + _length(bytes(self._read[:start]))
        if len(self._read) < whole:
            return None
        status, body = int(self._read[9:12]), bytes(self._read[start:whole])
        del self._read[:whole]
        return Reply(status, time.perf_counter() - self._sent, body)


def _length(head: bytes) -> int:
    lower = head.lower()
    place = lower.find(_LENGTH)
    if place < 0:
        raise Unanswered("the answer has no Content-Length")
    place += len(_LENGTH)
    return int(lower[place : lower.index(b"\r\n", place)])

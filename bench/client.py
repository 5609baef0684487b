"""A lean HTTP/1.1 client on one kept connection: it costs little beside the server."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bench.http import BrokenOff, Unanswered, get, post

_OK = 200
_DATA = b"data: "
_REST = 2.0
"""Seconds; the server closes a connection that has been idle for five."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer, and which replica a proxy says it is from."""

    status: int
    body: bytes
    replica: str = ""

    @property
    def ok(self) -> bool:
        return self.status == _OK

    @property
    def failure(self) -> str:
        """The status, and the code that the service gives for it."""
        try:
            return f"{self.status} {self.json()['code']}"
        except (ValueError, KeyError, TypeError):
            return str(self.status)

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One connection to 127.0.0.1, one request at a time.

    Opened anew after a failure, and after a rest in which the server may have closed it.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._drop()

    async def predict(self, text: str, model: str) -> Answer:
        return await self.ask(post("/predict", {"text": text, "model_name": model}))

    async def ask(self, request: bytes) -> Answer:
        """Raises Unanswered."""
        try:
            reader, writer = await self._open()
            writer.write(request)
            return await _read(reader)
        except (OSError, EOFError, ValueError) as error:
            self._drop()
            raise Unanswered(str(error)) from error
        except (BrokenOff, asyncio.CancelledError):
            self._drop()
            raise

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        now = time.monotonic()
        if now - self._used > _REST:
            self._drop()
        self._used = now
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def follow_events(port: int) -> AsyncGenerator[tuple[float, dict[str, Any]], None]:
    """Each event as it comes, with the wall clock time of its coming: /events rounds to seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(get("/events?stream=true"))
        while line := await reader.readline():
            if line.startswith(_DATA):
                yield time.time(), json.loads(line.removeprefix(_DATA))
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Answer:
    """Raises EOFError where the connection ends before the body, ValueError without a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    values = {name.lower(): value for name, _, value in (f.partition(":") for f in fields)}
    if "content-length" not in values:
        raise ValueError("the answer has no Content-Length")
    try:
        body = await reader.readexactly(int(values["content-length"]))
    except asyncio.IncompleteReadError as error:
        raise BrokenOff(str(error)) from error
    return Answer(int(status.split(maxsplit=2)[1]), body, values.get("x-served-by", "").strip())

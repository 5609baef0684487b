"""The head of an answer and its body in one write, by uvicorn's own code over a fake transport."""

import asyncio
import logging
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from api.one_write import OneWrite

SCOPE: Any = {"type": "http", "method": "GET", "http_version": "1.1"}
LENGTH = [(b"content-length", b"5")]


class Transport:
    """Keeps each write, and None for its end."""

    def __init__(self) -> None:
        self.writes: list[bytes | None] = []

    def write(self, data: bytes) -> None:
        assert None not in self.writes
        self.writes.append(data)

    def close(self) -> None:
        self.writes.append(None)

    def is_closing(self) -> bool:
        return None in self.writes


def start(*headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def sending(*messages: Message, then: Exception | None = None) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        if then:
            raise then

    return app


def written(app: ASGIApp, *, keep_alive: bool = True) -> list[bytes | None]:
    """What goes out when uvicorn runs the app."""

    async def run() -> list[bytes | None]:
        transport: Any = (kept := Transport())
        log = logging.getLogger("tests.quiet")
        log.disabled = True
        cycle = RequestResponseCycle(
            SCOPE,
            transport,
            FlowControl(transport),
            log,
            log,
            False,
            [],
            asyncio.Event(),
            False,
            keep_alive,
            lambda: None,
        )
        await cycle.run_asgi(app)  # type: ignore[arg-type]
        assert cycle.transport is transport
        return kept.writes

    return asyncio.run(run())


def test_head_and_body_are_one_write() -> None:
    """Planted fault: the head sent when it came."""
    [whole] = written(OneWrite(sending(start(*LENGTH), part(b"hello"))))

    assert whole is not None
    assert whole.startswith(b"HTTP/1.1 200")
    assert whole.endswith(b"\r\n\r\nhello")


def test_it_is_byte_for_byte_what_uvicorn_writes() -> None:
    """With a length, and in chunks."""
    for messages in (
        (start(*LENGTH), part(b"hello")),
        (start(), part(b"one", more=True), part(b"two")),
    ):
        plain, joined = (written(app) for app in (sending(*messages), OneWrite(sending(*messages))))

        assert b"".join(filter(None, joined)) == b"".join(filter(None, plain))
        assert len(joined) == len(plain) - 1


def test_a_connection_is_closed_after_what_was_written() -> None:
    """Planted fault: closed before the flush."""
    found = written(OneWrite(sending(start(*LENGTH), part(b"hello"))), keep_alive=False)

    assert [each is None for each in found] == [False, True]


def test_an_error_before_the_body_is_a_whole_answer_of_its_own() -> None:
    """The head that was held back is not sent."""
    found = written(OneWrite(sending(start(*LENGTH), then=ValueError())))

    assert found[0] is not None
    assert found[0].startswith(b"HTTP/1.1 500")


def test_a_body_that_is_too_long_breaks_off_as_it_did() -> None:
    """What was joined until then is sent, and the connection closed."""
    found = written(OneWrite(sending(start(*LENGTH), part(b"hello, world"))))

    assert [each is None for each in found] == [False, True]


@pytest.mark.parametrize("kind", ["http", "lifespan"])
def test_without_uvicorn_messages_pass_as_they_are(kind: str) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {}

    messages = [start(*LENGTH), part(b"hello")]
    asyncio.run(OneWrite(sending(*messages))({"type": kind}, receive, send))

    assert sent == messages

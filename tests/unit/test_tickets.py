"""Ids of requests: whose they are, and where they are seen."""

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from api.tickets import CURRENT, HEADER, SAFE, Tickets


async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
    seen = CURRENT.id() or "none"
    await send({"type": "http.response.start", "status": 200, "headers": SHARED})
    await send({"type": "http.response.body", "body": seen.encode()})


SHARED = ((b"a", b"b"),)


def answered(asgi: Tickets, *fields: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The id in the answer, and the one that the app found."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> Any:
        await asgi({"type": "http", "headers": list(fields)}, nothing, send)
        assert CURRENT.id() is None

    asyncio.run(run())
    [found] = [value for name, value in sent[0]["headers"] if name == HEADER]
    return found, sent[1]["body"]


async def nothing() -> Message:
    return {"type": "http.disconnect"}


def test_the_client_s_own_id_is_kept() -> None:
    assert answered(Tickets(app), (b"a", b"b"), (HEADER, b"mine-1")) == (b"mine-1", b"mine-1")


def test_without_one_it_gets_a_new_one_each_time() -> None:
    asgi = Tickets(app)

    first, second = answered(asgi), answered(asgi)

    assert first[0] == first[1]
    assert first[0] != second[0]
    assert SAFE.fullmatch(first[0])
    assert first[0].partition(b"-")[0] == second[0].partition(b"-")[0]


@pytest.mark.parametrize("bad", [b"", b"a" * 65, b"a b", b"a\nb", b'"', b"\xff", b"a\n"])
def test_an_id_that_is_long_or_odd_is_not_repeated(bad: bytes) -> None:
    """Planted fault: `match` in place of `fullmatch`."""
    assert answered(Tickets(app), (HEADER, bad))[0] != bad


@given(st.binary(max_size=80))
def test_whatever_is_sent_what_comes_back_is_safe(sent: bytes) -> None:
    assert re.fullmatch(rb"[A-Za-z0-9._:-]{1,64}", answered(Tickets(app), (HEADER, sent))[0])


async def test_what_is_no_request_is_passed_on() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def send(_message: Message) -> None:
        pytest.fail("nothing is sent")

    await Tickets(inner)({"type": "lifespan"}, nothing, send)

    assert seen == ["lifespan"]

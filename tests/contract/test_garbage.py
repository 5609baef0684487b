"""A request leaves nothing behind that only the garbage collector could free.

It comes seldom once it is tuned, and a cycle may hold a body of a megabyte until then.
"""

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import ASGIApp, Message

from tests.contract.live_app import live_app
from tests.fakes_api import FakeUseCases
from tests.fakes_models import BERT
from tests.houses import house

TIMES = 20


async def garbage_of(request: Callable[[], Awaitable[object]]) -> int:
    """Objects that the collector finds after some requests; the first few may make what stays."""
    for _ in range(3):
        await request()
    gc.collect()
    gc.disable()
    try:
        for _ in range(TIMES):
            await request()
        return gc.collect()
    finally:
        gc.enable()


async def post(app: ASGIApp, body: bytes, path: str, *, leaves: bool = False) -> int:
    """Send a request as a server does, in a task of its own; returns the status, 0 if none."""
    status = 0
    coming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    if leaves:
        coming.append({"type": "http.disconnect"})

    async def receive() -> Message:
        return coming.pop(0) if coming else await asyncio.Future()

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }

    async def answer() -> None:
        await app(scope, receive, send)

    await asyncio.create_task(answer())
    return status


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        ({"text": "hello"}, "/predict", 200),
        ({"texts": ["hello", "you"]}, "/predict/batch", 200),
        ({"text": ""}, "/predict", 400),
        ({"text": 5}, "/predict", 400),
        ({"text": "a" * 2_000_000}, "/predict", 413),
        ({"text": "a", "model_name": "nothing"}, "/predict", 404),
        ({"text": "a", "model_name": BERT}, "/predict", 503),
        ({}, "/models/nothing/load", 404),
        ({}, "/nothing", 404),
    ],
)
async def test_a_request_leaves_no_garbage(body: object, path: str, status: int) -> None:
    """Planted fault: the handler's error kept in a variable of the frame that it came from."""
    content = json.dumps(body).encode()
    async with live_app(FakeUseCases()) as app:
        statuses = {await post(app, content, path)}
        found = await garbage_of(lambda: post(app, content, path))

    assert statuses == {status}
    assert found == 0


async def test_a_client_who_leaves_leaves_no_garbage() -> None:
    fake = FakeUseCases(gate=asyncio.Event())
    async with live_app(fake) as app:
        found = await garbage_of(lambda: post(app, b'{"text": "a"}', "/predict", leaves=True))

    assert fake.predictions_begun == TIMES + 3
    assert found == 0


async def test_the_use_cases_leave_no_garbage() -> None:
    home = house()
    async with home.open() as serving:
        numbers = iter(range(1000))
        found = await garbage_of(lambda: serving.predict(f"text {next(numbers)}", "shipped"))

    assert found == 0

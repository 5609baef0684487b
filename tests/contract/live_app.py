"""The app driven as a server drives it, message by message: a stream is read while it goes on."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

from api.app import create_app
from api.edge import Front
from api.settings import Settings
from tests.fakes_api import FakeUseCases, opened

PATIENCE = 10.0


@dataclass
class Exchange:
    """One request under way. `leave` is what a client does who closes the connection."""

    running: asyncio.Task[None] = field(init=False)
    sent: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    taking: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False

    async def receive(self) -> Message:
        if not self.asked:
            self.asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.taking.wait()
        self.sent.put_nowait(message)

    async def message(self) -> Message:
        async with asyncio.timeout(PATIENCE):
            return await self.sent.get()

    async def chunk(self) -> str:
        message = await self.message()
        return bytes(message.get("body", b"")).decode()

    async def event(self) -> dict[str, Any]:
        """Read the next event; comments are passed over."""
        while (text := await self.chunk()).startswith(":"):
            pass
        fields = dict(line.split(": ", 1) for line in text.strip().splitlines())
        assert text.endswith("\n\n")
        data: dict[str, Any] = json.loads(fields["data"])
        assert (fields["id"], fields["event"]) == (str(data["id"]), data["event"])
        return data

    def leave(self) -> None:
        self.left.set()

    async def ended(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({self.running})
        self.running.result()


@contextlib.asynccontextmanager
async def live_app(fake: FakeUseCases, *, heartbeat: float = 60.0) -> AsyncIterator[ASGIApp]:
    """Run the app in its lifespan, behind the layer that stands before BentoML's own."""
    app = create_app(
        Settings(), lambda _config, observe: opened(fake, observe), heartbeat=heartbeat
    )
    async with app.router.lifespan_context(app):
        yield Front(app, front=app)


def begin(
    app: ASGIApp, path: str, *, method: str = "GET", taking: bool = True, **headers: str
) -> Exchange:
    """Send a request; `headers` have _ for -. `taking` False: nothing is read of the answer."""
    route, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
        "server": ("test", 80),
    }
    exchange = Exchange()
    if taking:
        exchange.taking.set()
    exchange.running = asyncio.create_task(_run(app, scope, exchange))
    return exchange


async def _run(app: ASGIApp, scope: dict[str, Any], exchange: Exchange) -> None:
    await app(scope, exchange.receive, exchange.send)

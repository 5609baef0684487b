"""Writes the head of an answer together with the beginning of its body.

uvicorn writes one after the other. If the service is killed between them, a proxy has passed on
a head that it cannot take back, and can ask no other replica.
"""

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class OneWrite:
    """Around an app, next to the server: holds a head back until there is something to send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(send, "__self__", None)
        if scope["type"] != "http" or not isinstance(cycle, RequestResponseCycle):
            await self._app(scope, receive, send)
            return
        head: Message | None = None

        async def held(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                head = message
            elif head is None:
                await send(message)
            else:
                first, head = head, None
                await _send_together(cycle, first, message)

        await self._app(scope, receive, held)


class Joined:
    """Stands in for a transport: what is written goes out when it is flushed, or closed."""

    __slots__ = ("_parts", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._parts.append(data)

    def flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def _send_together(cycle: RequestResponseCycle, head: Message, body: Message) -> None:
    transport = cycle.transport
    joined = Joined(transport)
    cycle.transport = joined  # type: ignore[assignment]
    try:
        await cycle.send(head)  # type: ignore[arg-type]
        await cycle.send(body)  # type: ignore[arg-type]
    finally:
        cycle.transport = transport
        joined.flush()

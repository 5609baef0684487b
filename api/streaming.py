"""A response that goes on until there is no more, or nobody reads it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.presence import while_present
from api.problems import ClientLeft

T = TypeVar("T")
PATIENCE = 15.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """Sends each chunk as it comes; ends when the client leaves.

    A client who takes nothing for `patience` seconds is given up: a shutdown would wait for him.
    """

    def __init__(self, chunks: AsyncGenerator[bytes, None], patience: float = PATIENCE) -> None:
        super().__init__(chunks, headers=HEADERS, media_type="text/event-stream")
        self._chunks = chunks
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._chunks):
            try:
                await while_present(Request(scope, receive), self._stream(send))
            except (ClientLeft, TimeoutError):
                return

    async def _stream(self, send: Send) -> None:
        async def patient(message: Message) -> None:
            async with asyncio.timeout(self._patience):
                await send(message)

        await self.stream_response(patient)


async def with_pauses(
    items: AsyncGenerator[T, None], every: float
) -> AsyncGenerator[T | None, None]:
    """The items as they come, and None whenever `every` seconds brought none. Closes `items`."""
    upcoming = asyncio.create_task(_next(items))
    try:
        while True:
            come, _ = await asyncio.wait({upcoming}, timeout=every)
            if not come:
                yield None
                continue
            item = upcoming.result()
            if item is None:
                return
            upcoming = asyncio.create_task(_next(items))
            yield item
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await items.aclose()


async def _next(items: AsyncGenerator[T, None]) -> T | None:
    return await anext(items, None)

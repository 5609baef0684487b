"""Ends what nobody waits for any more: the work of a request whose client has gone away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from api.problems import ClientLeft

T = TypeVar("T")

_BRIEF = 0.05
"""Seconds for which work is let run, whoever wants it."""


async def while_present(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled as soon as the client disconnects.

    Nobody looks within the first `_BRIEF` seconds: to watch takes a task, and most work is done by
    then. Who left meanwhile is seen to have left.

    The body must have been read, or not be wanted. Raises ClientLeft, to an answer nobody reads.
    """
    waiting = asyncio.current_task()
    loop = asyncio.get_running_loop()
    watching: asyncio.Task[None] | None = None
    left = False

    async def watch() -> None:
        nonlocal left
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left = True
        if waiting is not None:
            waiting.cancel()

    def begin() -> None:
        nonlocal watching
        watching = loop.create_task(watch())

    beginning = loop.call_later(_BRIEF, begin)
    try:
        return await work
    except asyncio.CancelledError:
        if not left or waiting is None or waiting.uncancel():
            raise
        raise ClientLeft("the client went away") from None
    finally:
        beginning.cancel()
        if watching is not None:
            watching.cancel()

"""Ends what nobody waits for any more: the work of a request whose client has gone away."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

from api.problems import ClientLeft
from models.alarms import Alarms
from models.interruption import Interruption

T = TypeVar("T")

BRIEF = 0.25
"""Seconds for which work is let run, whoever wants it."""


async def while_present(request: Request, work: Awaitable[T], unwatched: Alarms | None = None) -> T:
    """The result of `work`, which is cancelled as soon as the client disconnects.

    `unwatched` are alarms for the time in which nobody looks: to watch takes a task, and most
    work is done by then. Who left meanwhile is seen to have left. None: he is watched at once.

    The body must have been read, or not be wanted. Raises ClientLeft, to an answer nobody reads.
    """
    watch = _Watch(request.receive)
    alarm = None
    if unwatched is None:
        watch.begin()
    else:
        alarm = unwatched.set(watch.begin)
    try:
        with watch:
            return await work
    finally:
        if alarm is not None:
            alarm.cancel()
        watch.end()


class _Watch(Interruption):
    """Interrupts its body when `receive` says that the client has disconnected."""

    def __init__(self, receive: Receive) -> None:
        super().__init__(_left)
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.interrupt()


def _left() -> ClientLeft:
    return ClientLeft("the client went away")

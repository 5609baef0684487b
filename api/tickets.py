"""Which request it is: an id for the client, in the answer, and for the log's lines."""

import itertools
import re
import secrets
from contextvars import ContextVar
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = b"x-request-id"
SAFE = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
"""What an id of a client's may be made of; another is replaced by one of ours."""


class Ticket:
    """`open` until the request is answered: what goes on in its context afterwards is not its."""

    __slots__ = ("id", "open")

    def __init__(self, name: bytes) -> None:
        self.id = name
        self.open = True


class Current(NamedTuple):
    """Where a piece of code finds the ticket it works for."""

    ticket: ContextVar[Ticket | None]

    def id(self) -> str | None:
        """The id of the request that is being answered here, if there is one."""
        ticket = self.ticket.get()
        return ticket.id.decode() if ticket is not None and ticket.open else None


CURRENT = Current(ContextVar("ticket", default=None))


class Tickets:
    """Around an app: gives each HTTP request a ticket, and its answer the id.

    An id is the client's X-Request-ID, or a number in this process behind its random name. A ticket
    stays open when the app raises, for the server logs that afterwards.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._name = secrets.token_hex(4).encode()
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = asked(scope) or b"%b-%x" % (self._name, next(self._numbers))
        ticket = Ticket(name)
        CURRENT.ticket.set(ticket)

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (HEADER, name)]}
            await send(message)

        await self._app(scope, receive, stamped)
        ticket.open = False


def asked(scope: Scope) -> bytes | None:
    """The client's own id, where it is safe to repeat."""
    for field, value in scope["headers"]:
        if field == HEADER:
            return value if SAFE.fullmatch(value) else None
    return None

"""The queue for room: whoever must wait is served in order, and nobody overtakes."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cache import policy
from cache.errors import InsufficientRoom
from cache.events import Cause, LoadStarted, Observer
from cache.ledger import Ledger
from cache.policy import Admit, Limits, Refuse, Wait
from cache.ports import Clock, Key, Terms


@dataclass(slots=True, eq=False)
class _Ticket:
    """A place in the queue. `granted` is done once the room is reserved, or never will be."""

    key: Key
    terms: Terms
    granted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class RoomQueue:
    """Reserves room in the ledger for one key after another.

    `drain` is called for every victim of the first in the queue. Call `pump` whenever bytes,
    places or candidates may have become free. `timeout` bounds one wait, in seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        limits: Callable[[], Limits],
        drain: Callable[[Key, Cause], object],
        observe: Observer,
        timeout: float,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._limits = limits
        self._drain = drain
        self._observe = observe
        self._timeout = timeout
        self._tickets: deque[_Ticket] = deque()

    async def reserve(self, key: Key, terms: Terms) -> None:
        """Return once `key` is LOADING in the ledger. Raises `InsufficientRoom`."""
        ticket = _Ticket(key, terms)
        self._tickets.append(ticket)
        self.pump()
        try:
            async with asyncio.timeout(self._timeout):
                await ticket.granted
        except BaseException as error:
            self._leave(ticket)
            if isinstance(error, TimeoutError):
                raise InsufficientRoom(
                    f"no room for {key} came free within {self._timeout:g} s",
                    retry_after=self._timeout,
                ) from None
            raise

    def pump(self) -> None:
        """Let in whoever fits, in order; make room for the first who does not."""
        while self._tickets:
            ticket = self._tickets[0]
            size = ticket.terms.size_estimate
            match policy.admit(self._ledger.entries(), size, self._limits()):
                case Admit():
                    self._tickets.popleft()
                    now = self._clock.monotonic()
                    self._ledger.reserve(ticket.key, ticket.terms, now)
                    ticket.granted.set_result(None)
                    self._observe(LoadStarted(ticket.key, now, size))
                case Refuse(reason):
                    self._tickets.popleft()
                    ticket.granted.set_exception(
                        InsufficientRoom(
                            f"{ticket.key} cannot be loaded: {reason}", retry_after=self._timeout
                        )
                    )
                case Wait(victims):
                    for victim in victims:
                        self._drain(victim, Cause.EVICTED)
                    return

    def _leave(self, ticket: _Ticket) -> None:
        """Give back the place, or the room that was reserved as the wait for it was ended."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
        elif ticket.granted.done() and ticket.granted.exception() is None:
            self._ledger.abandon(ticket.key)
        self.pump()

"""The queue for room: whoever must wait is served in order, and nobody overtakes."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cache import policy
from cache.errors import InsufficientRoom
from cache.events import Cause
from cache.ledger import Entry, Ledger
from cache.policy import Limits, Refuse, Wait
from cache.ports import Clock, Key, Terms


@dataclass(slots=True, eq=False)
class _Ticket:
    """A place in the queue. `granted` is done once the room is reserved, or never will be.

    It is cancelled some steps before the one who waits for it can give back his place.
    """

    key: Key
    terms: Terms
    granted: asyncio.Future[Entry] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class RoomQueue:
    """Reserves room in the ledger for one key after another.

    `drain` is called for every victim of the first in the queue. Call `pump` whenever bytes,
    places or candidates may have become free. Who is refused is told to come again after
    `retry_after` seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        limits: Callable[[], Limits],
        drain: Callable[[Key, Cause], object],
        retry_after: float,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._limits = limits
        self._drain = drain
        self._retry_after = retry_after
        self._tickets: deque[_Ticket] = deque()

    async def reserve(self, key: Key, terms: Terms) -> Entry:
        """Return once `key` is LOADING in the ledger. Raises `InsufficientRoom`."""
        ticket = _Ticket(key, terms)
        self._tickets.append(ticket)
        self.pump()
        try:
            return await ticket.granted
        except asyncio.CancelledError:
            self._leave(ticket)
            raise

    def pump(self) -> None:
        """Let in whoever fits, in order; make room for the first who does not."""
        while self._tickets:
            ticket = self._tickets[0]
            if ticket.granted.cancelled():
                self._tickets.popleft()
                continue
            size = ticket.terms.size_estimate
            verdict = policy.admit(self._ledger.entries(), size, self._limits())
            if isinstance(verdict, Wait):
                for victim in verdict.victims:
                    self._drain(victim, Cause.EVICTED)
                return
            self._tickets.popleft()
            if isinstance(verdict, Refuse):
                ticket.granted.set_exception(
                    InsufficientRoom(
                        f"{ticket.key} cannot be loaded: {verdict.reason}",
                        retry_after=self._retry_after,
                    )
                )
            else:
                now = self._clock.monotonic()
                ticket.granted.set_result(self._ledger.reserve(ticket.key, ticket.terms, now))

    def _leave(self, ticket: _Ticket) -> None:
        """Give back the place, or the room that was reserved as the wait for it was ended."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
        elif not ticket.granted.cancelled() and ticket.granted.exception() is None:
            self._ledger.abandon(ticket.key)
        self.pump()

"""The queue for room: whoever must wait is served in the order in which they came.

Requests for what is resident, or loads already, are served although others have waited longer:
otherwise two models that take turns would be loaded again for each request. But nobody is
overtaken without end: then the residents that stand in his way get no new leases, and those who
ask for them queue behind him.
"""

import asyncio
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

from cache.entry import Entry, State
from cache.errors import InsufficientRoom
from cache.ledger import Ledger
from cache.policy import Admit, Limits, Policy, Refuse, Verdict, Wait
from cache.ports import Clock, Key, Terms
from cache.postponing import postponed

_NONE_TO_SPARE = "there is no room to spare"


@dataclass(frozen=True, slots=True)
class Fairness:
    """How often, and for how many seconds, one who waits for room may be overtaken.

    For the first `postponed` seconds nobody is evicted for him while all cores have work.
    """

    times: int = 16
    seconds: float = 5.0
    postponed: float = 1.0


@dataclass(slots=True, eq=False)
class _Ticket:
    """A place in the queue, by `turn`. `since` is when it was taken; `passed` as in the queue.

    `granted` is done once there is a lease or a reservation, or never will be. It is cancelled
    some steps before the one who waits for it can give back his place.
    """

    key: Key
    terms: Terms
    turn: int
    patient: Callable[[], bool]
    since: float
    passed: int
    granted: asyncio.Future[Entry] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class RoomQueue:
    """Reserves room in the ledger for one key after another.

    `make_room` is called with the victims of the first in the queue, and with his key;
    `give_back` with the key of a lease that its caller did not wait for any more. `stuck` tells
    why a key is not to be waited for any more. Call `pump` whenever bytes, places, candidates
    or cores may have become free. Who is refused is told to come again after `retry_after` seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        limits: Callable[[], Limits],
        policy: Policy,
        make_room: Callable[[tuple[Key, ...], Key], object],
        give_back: Callable[[Key], object],
        stuck: Callable[[Key], BaseException | None],
        *,
        retry_after: float,
        fairness: Fairness,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._limits = limits
        self._policy = policy
        self._make_room = make_room
        self._give_back = give_back
        self._stuck = stuck
        self._retry_after = retry_after
        self._fairness = fairness
        self._tickets: list[_Ticket] = []
        self._passed = 0
        self._closed: frozenset[Key] = frozenset()
        self._alarm: asyncio.TimerHandle | None = None

    async def reserve(
        self, key: Key, terms: Terms, turn: int, patient: Callable[[], bool]
    ) -> Entry:
        """Return once `key` is LOADING in the ledger, or leased because it is resident after all.

        Raises `InsufficientRoom`; at once where it would have to wait and is not `patient`.
        """
        ticket = _Ticket(key, terms, turn, patient, self._clock.monotonic(), self._passed)
        insort(self._tickets, ticket, key=lambda other: other.turn)
        self.pump()
        if not ticket.granted.done() and not patient():
            self._tickets.remove(ticket)
            self._refuse(ticket, _NONE_TO_SPARE)
        try:
            return await ticket.granted
        except asyncio.CancelledError:
            self._leave(ticket)
            raise

    def keys(self) -> tuple[Key, ...]:
        """Who waits, in order."""
        return tuple(ticket.key for ticket in self._tickets)

    def may_pass(self, key: Key) -> bool:
        """May one who asks for `key` be served now, though others wait? It is counted if so."""
        if not self._tickets:
            return True
        if self._passed - self._tickets[0].passed == self._fairness.times:
            self.pump()
        if key in self._closed:
            return False
        self._passed += 1
        return True

    def pump(self) -> None:
        """Let in whoever fits, in order; make room for the first who does not."""
        while self._tickets:
            ticket = self._tickets[0]
            if ticket.granted.cancelled():
                self._tickets.pop(0)
                continue
            stuck = self._stuck(ticket.key)
            if stuck is not None:
                self._tickets.pop(0)
                ticket.granted.set_exception(stuck)
                continue
            now = self._clock.monotonic()
            verdict = self._judge(ticket, now)
            if isinstance(verdict, Wait) and ticket.patient():
                self._closed = verdict.closed
                self._wake(ticket, verdict.again, now)
                if not verdict.victims:
                    return
                self._make_room(verdict.victims, ticket.key)
                continue  # a load that was given up leaves its slot at once, and its bytes later
            self._tickets.pop(0)
            if isinstance(verdict, Refuse):
                self._refuse(ticket, verdict.reason)
            elif isinstance(verdict, Wait):
                self._refuse(ticket, _NONE_TO_SPARE)
            else:
                ticket.granted.set_result(self._grant(ticket, now))
        self.close()

    def close(self) -> None:
        """Nobody is to be woken, and nothing is closed to anybody."""
        self._closed = frozenset()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _judge(self, ticket: _Ticket, now: float) -> Verdict:
        """What the policy says, except that a key must be gone before it can be loaded again."""
        entry = self._ledger.get(ticket.key)
        if entry is not None:
            return Admit() if entry.state is State.RESIDENT else Wait()
        starved = (
            self._passed - ticket.passed >= self._fairness.times
            or now >= ticket.since + self._fairness.seconds
        )
        entries, limits = self._ledger.entries(), self._limits()
        verdict = self._policy.admit(entries, ticket.terms, limits, now, starved=starved)
        if starved or now >= ticket.since + self._fairness.postponed:
            return verdict
        return postponed(verdict, entries, limits)

    def _grant(self, ticket: _Ticket, now: float) -> Entry:
        if self._ledger.get(ticket.key) is not None:
            return self._ledger.lease(ticket.key, now)
        return self._ledger.reserve(ticket.key, ticket.terms, now)

    def _refuse(self, ticket: _Ticket, reason: str) -> None:
        ticket.granted.set_exception(
            InsufficientRoom(
                f"{ticket.key} cannot be loaded: {reason}", retry_after=self._retry_after
            )
        )

    def _wake(self, ticket: _Ticket, again: float | None, now: float) -> None:
        """Pump again when a young resident has come of age, or the first has waited for long."""
        longest = [ticket.since + self._fairness.postponed, ticket.since + self._fairness.seconds]
        times = [at for at in (again, *longest) if at is not None and at > now]
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if times:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(min(times) - now, self.pump)

    def _leave(self, ticket: _Ticket) -> None:
        """Give back the place, or what was granted as the wait for it was ended."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
        elif not ticket.granted.cancelled() and ticket.granted.exception() is None:
            if ticket.granted.result().state is State.LOADING:
                self._ledger.abandon(ticket.key)
            else:
                self._give_back(ticket.key)
        self.pump()

"""Room is given in order, and comes back whatever becomes of those who wait."""

import asyncio
from collections.abc import Iterator

import pytest

from cache.entry import Entry
from cache.errors import InsufficientRoom
from cache.events import Cause
from cache.ledger import Ledger
from cache.policy import Limits, Policy
from cache.ports import Key, Terms
from cache.queue import Fairness, RoomQueue
from tests.fakes import LRU, UNHURRIED, FakeClock, settle


class Hall:
    """A queue in front of 30 bytes. Who is drained leaves when the test says so."""

    def __init__(self, policy: Policy = LRU, fairness: Fairness = UNHURRIED) -> None:
        self.ledger = Ledger()
        self.clock = FakeClock()
        self.limits = Limits(budget=30, comfort=30, max_entries=10)
        self.stuck: dict[Key, BaseException] = {}
        self.turn = 0
        self.queue = RoomQueue(
            self.ledger,
            self.clock,
            lambda: self.limits,
            policy,
            self._drain,
            self.release,
            self.stuck.get,
            retry_after=30.0,
            fairness=fairness,
        )

    def _drain(self, victims: tuple[Key, ...], room_for: Key) -> None:
        for key in victims:
            self.ledger.drain(key, Cause.EVICTED, room_for)

    def enter(
        self, key: Key, size: int = 10, turn: int | None = None, *, patient: bool = True
    ) -> "asyncio.Task[Entry]":
        self.turn += 1
        terms = Terms(size_estimate=size)
        turn = self.turn if turn is None else turn
        return asyncio.create_task(self.queue.reserve(key, terms, turn, lambda: patient))

    def have(self, *keys: Key, leases: int = 0) -> None:
        """Make `keys` resident, 10 bytes each."""
        for key in keys:
            self.ledger.reserve(key, Terms(size_estimate=10), self.clock.monotonic())
            self.ledger.settle(key, 10, self.clock.monotonic(), leases=leases)
            self.clock.advance(1)

    def release(self, key: Key) -> None:
        self.ledger.release(key, self.clock.monotonic())
        self.queue.pump()

    def leave(self, key: Key) -> None:
        """Let a drained resident be gone."""
        self.ledger.gone(key)
        self.queue.pump()

    def keys(self) -> set[Key]:
        return {entry.key for entry in self.ledger.entries()}


@pytest.fixture
def hall() -> Iterator[Hall]:
    """Nobody may be left in it, nor anything that would wake somebody."""
    hall = Hall()
    yield hall
    hall.queue.close()
    assert hall.queue._alarm is None


async def test_room_that_is_there_is_reserved_at_once(hall: Hall) -> None:
    """What fits is charged with its estimate before the loop goes round once more."""
    ticket = hall.enter("a", size=30)
    await asyncio.sleep(0)

    assert hall.ledger.totals().reserved == 30
    assert (await ticket).key == "a"


async def test_the_first_in_the_queue_is_served_first(hall: Hall) -> None:
    """Fault planted: `pump` let in whichever ticket fitted."""
    hall.have("a", "b", leases=1)
    big = hall.enter("big", size=20)
    small = hall.enter("small", size=5)
    await settle()
    overtaken = small.done()

    hall.release("a")
    hall.leave("a")
    await asyncio.wait_for(big, 1)

    assert not overtaken
    assert not small.done()
    small.cancel()


async def test_room_is_made_for_the_first_only(hall: Hall) -> None:
    """Those behind cost nobody his place before their turn."""
    hall.have("a", "b", "c")
    tickets = [hall.enter("d"), hall.enter("e")]
    await settle()

    leaving = [e.key for e in hall.ledger.entries() if e.cause is Cause.EVICTED]

    assert leaving == ["a"]
    for ticket in tickets:
        ticket.cancel()


async def test_what_leaves_already_is_waited_for(hall: Hall) -> None:
    """Asking again while a victim leaves drains no second one."""
    hall.have("a", "b", "c")
    ticket = hall.enter("d")
    await settle()

    hall.queue.pump()
    hall.leave("a")
    await asyncio.wait_for(ticket, 1)

    assert hall.keys() == {"b", "c", "d"}


async def test_what_can_never_fit_is_refused_and_the_next_is_served(hall: Hall) -> None:
    """A refusal names the key and says when to come again."""
    tickets = [hall.enter("huge", size=31), hall.enter("a")]

    refusal, entry = await asyncio.gather(*tickets, return_exceptions=True)

    assert isinstance(refusal, InsufficientRoom)
    assert "huge" in str(refusal)
    assert refusal.retry_after == 30.0
    assert isinstance(entry, Entry)


async def test_one_who_goes_away_lets_the_next_move_up(hall: Hall) -> None:
    """A big one that waits no more holds up nobody behind it."""
    hall.have("a", leases=1)
    big, small = hall.enter("big", size=30), hall.enter("small", size=5)
    await settle()

    big.cancel()

    assert (await asyncio.wait_for(small, 1)).key == "small"


async def test_one_who_goes_away_as_he_is_let_in_gives_the_room_back(hall: Hall) -> None:
    """Fault planted: `_leave` only removed the ticket, and the reservation stayed for ever."""
    hall.have("a", "b", "c", leases=1)
    ticket = hall.enter("d")
    await settle()
    hall.release("a")
    hall.leave("a")

    ticket.cancel()
    await asyncio.wait([ticket])

    assert hall.keys() == {"b", "c"}


async def test_one_who_goes_away_as_he_is_refused_is_just_gone(hall: Hall) -> None:
    """There is nothing to give back, and the refusal is not reported as unheard."""
    hall.have("a", "b", "c", leases=1)
    ticket = hall.enter("d", size=30)
    await settle()
    hall.limits = Limits(budget=20, comfort=20, max_entries=10)
    hall.queue.pump()

    ticket.cancel()
    await asyncio.wait([ticket])

    assert hall.keys() == {"a", "b", "c"}


async def test_one_who_is_on_his_way_out_is_not_let_in(hall: Hall) -> None:
    """Room that comes free in the step of his cancellation goes to the next in the queue."""
    hall.have("a", "b", "c", leases=1)
    first, second = hall.enter("d"), hall.enter("e")
    await settle()

    first.cancel()
    hall.release("a")
    hall.leave("a")
    entry = await asyncio.wait_for(second, 1)

    assert entry.key == "e"
    assert first.cancelled()
    assert hall.keys() == {"b", "c", "e"}

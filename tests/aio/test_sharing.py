"""The second level of the prediction cache, over a fake store that hangs and fails when told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cache.worth import Worth
from models.config import SharedConfig
from models.engines import Row
from models.shared import filling, lookups
from models.shared.sharing import Sharing
from tests.aio.test_directory import stored
from tests.fakes import settle, until
from tests.fakes_shared import FakeStore

MODEL = stored("mine", "v1")
KEY = "mine:v1"
ROW = Row((0.25, 0.75), tokens=3, truncated=False)
DIGESTS = [bytes([number]) * 16 for number in range(100)]
PATIENT = 20.0


@asynccontextmanager
async def sharing(
    store: FakeStore,
    *,
    timeout: float = PATIENT,
    retry: float = 0.05,
    ttl: float = 60.0,
    worth: Worth | None = None,
) -> AsyncIterator[Sharing]:
    """At work; connected, where the store lets it."""
    made = Sharing(store, SharedConfig("", timeout, retry, "p"), ttl, worth or Worth())
    work = asyncio.create_task(made.run())
    try:
        await settle()
        yield made
    finally:
        work.cancel()
        await asyncio.wait([work])


async def found(made: Sharing, *digests: bytes) -> list[bytes]:
    return list(await made.find(KEY, MODEL, digests))


async def keep(made: Sharing, store: FakeStore, *digests: bytes) -> None:
    """Until the store has it."""
    before = made.view().written
    for digest in digests:
        made.keep(KEY, MODEL, digest, ROW)
    await until(lambda: made.view().written == before + len(digests))


async def test_what_one_keeps_another_finds() -> None:
    store = FakeStore()
    async with sharing(store) as one, sharing(store) as other:
        await keep(one, store, DIGESTS[0])

        shared = await other.find(KEY, MODEL, DIGESTS[:2])

        assert list(shared) == [DIGESTS[0]]
        assert (shared[DIGESTS[0]].row, shared[DIGESTS[0]].labels) == (ROW, MODEL.labels)
        assert shared[DIGESTS[0]].age < 30.0
        assert (other.view().hits, other.view().misses) == (1, 1)


async def test_look_ups_of_one_moment_are_one_call() -> None:
    """Each has its own answers. Planted fault: dealt out from the beginning to each."""
    store = FakeStore()
    async with sharing(store) as made:
        await keep(made, store, *DIGESTS[:6:2])
        store.answers.clear()
        first = asyncio.create_task(found(made, DIGESTS[9]))
        await settle()
        rest = [asyncio.create_task(found(made, *DIGESTS[n : n + 2])) for n in (0, 2, 4)]
        await settle()
        store.answers.set()

        assert await first == []
        assert await asyncio.gather(*rest) == [[DIGESTS[0]], [DIGESTS[2]], [DIGESTS[4]]]
        assert [len(keys) for keys in store.calls] == [1, 6]


async def test_one_that_hangs_costs_those_who_wait_one_deadline() -> None:
    """And after them nobody: it is connected anew while they go on. Nothing is raised.

    Planted fault: whoever waited for the next call had a deadline of his own.
    """
    store = FakeStore()
    async with sharing(store, timeout=0.05) as made:
        store.answers.clear()
        first = asyncio.create_task(found(made, DIGESTS[0]))
        await settle()
        others = [asyncio.create_task(found(made, digest)) for digest in DIGESTS[1:5]]

        assert await asyncio.gather(first, *others) == [[]] * 5
        calls = len(store.calls)
        assert await found(made, DIGESTS[6]) == []
        assert len(store.calls) == calls == 1
        assert made.view().skipped == 6
        assert not made.view().connected


async def test_one_that_comes_back_is_used_again() -> None:
    store = FakeStore(failure="gone")
    async with sharing(store) as made:
        await until(lambda: made.view().circuit == "open")
        assert await found(made, DIGESTS[0]) == []
        store.failure = None
        async with asyncio.timeout(PATIENT):
            while not made.view().connected:  # noqa: ASYNC110 - the breaker's rest is real time
                await asyncio.sleep(0.01)
        await keep(made, store, DIGESTS[0])

        assert await found(made, DIGESTS[0]) == DIGESTS[:1]
        view = made.view()
        assert (view.circuit, view.opened, view.errors) == ("closed", 1, 3)


async def test_one_that_is_gone_is_left_alone() -> None:
    """Three tries, then none for the rest. Planted fault: tried without an end."""
    store = FakeStore(failure="gone")
    async with sharing(store, retry=1000.0) as made:
        await until(lambda: made.view().circuit == "open")
        for digest in DIGESTS:
            await found(made, digest)

        assert (store.connects, store.calls) == (3, [])


async def test_a_loop_that_was_held_up_reads_the_answer_that_has_come() -> None:
    """Fault found: it was given up, and three such moments were a dead Redis."""

    async def answer() -> str:
        for _ in range(lookups.TURNS):
            await asyncio.sleep(0)
        return "there"

    assert await lookups.in_time(answer(), 0.0) == "there"


async def test_what_does_not_come_in_time_is_called_off() -> None:
    asked = asyncio.get_running_loop().create_future()

    async def answer() -> None:
        await asked

    with pytest.raises(TimeoutError):
        await lookups.in_time(answer(), 0.01)

    assert asked.cancelled()


async def test_one_that_is_slower_than_the_deadline_is_not_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is said once. Planted fault: to be connected was enough, and each look-up waited."""
    store = FakeStore(connects_at_once=True)
    store.answers.clear()
    async with sharing(store, timeout=0.01, retry=1000.0) as made:
        async with asyncio.timeout(PATIENT):
            while made.view().circuit != "open":  # noqa: ASYNC110 - its deadlines are real time
                await asyncio.sleep(0.01)

        assert await found(made, DIGESTS[0]) == []
        assert store.calls == []
    assert [r.getMessage() for r in caplog.records] == [
        "a fake store: no answer in time; predictions are not shared, it is tried every 1000 s"
    ]


async def test_who_leaves_does_not_disturb_those_who_stay() -> None:
    store = FakeStore()
    async with sharing(store) as made:
        await keep(made, store, DIGESTS[0], DIGESTS[1])
        store.answers.clear()
        leaving, staying = (asyncio.create_task(found(made, digest)) for digest in DIGESTS[:2])
        await settle()
        leaving.cancel()
        await asyncio.wait([leaving])
        store.answers.set()

        assert await staying == [DIGESTS[1]]


async def test_nobody_is_left_waiting_when_it_ends() -> None:
    """Planted fault: the look-ups of its queue were forgotten."""
    store = FakeStore()
    async with sharing(store) as made:
        store.answers.clear()
        asked = []
        for digest in DIGESTS[:3]:
            asked.append(asyncio.create_task(found(made, digest)))
            await settle()

    async with asyncio.timeout(PATIENT):
        assert await asyncio.gather(*asked) == [[]] * 3


async def test_what_cannot_be_written_at_once_is_dropped_and_nobody_waits() -> None:
    """Planted fault: a queue without a bound."""
    store = FakeStore()
    async with sharing(store) as made:
        store.answers.clear()
        for number in range(filling.ROOM + 50):
            made.keep(KEY, MODEL, number.to_bytes(16), ROW)

        assert made.view().dropped == 50
        assert len(made._filling._queue) == filling.ROOM


async def test_one_that_is_full_is_still_read(caplog: pytest.LogCaptureFixture) -> None:
    """That nothing is written is said once. Planted fault: each time."""
    store = FakeStore()
    async with sharing(store) as made:
        await keep(made, store, DIGESTS[0])
        store.full = True
        for digest in DIGESTS[1:6]:
            made.keep(KEY, MODEL, digest, ROW)
            await until(lambda: made._filling._queue.__len__() == 0)
            await settle()
        assert made.view().dropped == 5

        assert await found(made, DIGESTS[0]) == DIGESTS[:1]
        assert made.view().circuit == "closed"
    assert len(caplog.records) == 1


async def test_a_model_that_is_hardly_found_is_looked_up_in_a_sample() -> None:
    """And kept in the same. Planted fault: looked up in full, whatever was found."""
    store = FakeStore()
    worth = Worth(window=10, rate=0.5, sample=8)
    async with sharing(store, worth=worth) as made:
        for digest in DIGESTS[:10]:
            await found(made, digest)
        store.calls.clear()
        for digest in DIGESTS[10:26]:
            await found(made, digest)
            made.keep(KEY, MODEL, digest, ROW)
        await until(lambda: made.view().written == 2)

        assert (len(store.calls), made.view().bypassed, made.view().models_off) == (2, 14, 1)


async def test_too_many_who_wait_are_not_let_in() -> None:
    store = FakeStore()
    async with sharing(store) as made:
        store.answers.clear()
        first = asyncio.create_task(found(made, DIGESTS[0]))
        await settle()
        many = [number.to_bytes(16) for number in range(lookups.KEYS_A_CALL)]
        second = asyncio.create_task(found(made, *many))
        await settle()

        assert await found(made, DIGESTS[1]) == []
        store.answers.set()
        await asyncio.gather(first, second)

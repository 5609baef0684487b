"""The store is listed when it has changed, and seldom else."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.notices import Batch
from models.watching import UNNOTICED, Watching, concerns
from tests.fakes import FakeClock, settle

STORE = Path("/store")
NOTHING: Batch = frozenset()
GONE = FileNotFoundError(2, "No such file or directory")
End = None
"""Of the notices of one folder."""


@dataclass
class Desk:
    """Hands out notices, one after another, and lets a sleeper wake; counts the listings."""

    clock: FakeClock = field(default_factory=FakeClock)
    told: "asyncio.Queue[Batch | OSError | None]" = field(default_factory=asyncio.Queue)
    wakes: "asyncio.Queue[None]" = field(default_factory=asyncio.Queue)
    slept: list[float] = field(default_factory=list)
    listings: int = 0
    watched: int = 0

    async def relist(self) -> None:
        self.listings += 1

    async def notices(self, folder: Path) -> AsyncGenerator[Batch, None]:
        assert folder == STORE
        self.watched += 1
        while (told := await self.told.get()) is not None:
            if isinstance(told, OSError):
                raise told
            yield told

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.wakes.get()

    async def tell(self, *told: Batch | OSError | None) -> int:
        """How many listings that brings about."""
        before = self.listings
        for one in told:
            self.told.put_nowait(one)
        await settle()
        return self.listings - before

    async def wake(self) -> int:
        """The same of a sleep that ends."""
        before = self.listings
        self.wakes.put_nowait(None)
        await settle()
        return self.listings - before


@asynccontextmanager
async def desk(*, poll: bool = False) -> AsyncIterator[Desk]:
    """Somebody watches; unless it `poll`s, the first batch has come and the store been listed."""
    at = Desk()
    watching = Watching(
        STORE, at.relist, at.clock, poll=poll, every=5.0, notices=at.notices, sleep=at.sleep
    )
    task = asyncio.create_task(watching.run())
    await settle()
    if not poll:
        assert await at.tell(NOTHING) == 1
    yield at
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])


def changed(*paths: str) -> Batch:
    return {STORE / path for path in paths}


async def test_a_change_is_followed_by_one_listing() -> None:
    async with desk() as at:
        assert await at.tell(changed("mine", "mine/v1", "mine/v1/model.yaml")) == 1


async def test_what_changed_before_it_was_watched_is_seen_by_a_listing_at_the_beginning() -> None:
    """That is what `desk` has seen already; and so when it is watched again."""
    async with desk() as at:
        assert await at.tell(End, NOTHING) == 1
        assert at.watched == 2


async def test_nothing_is_listed_while_nothing_changes_but_once_a_minute() -> None:
    """Planted fault: each empty batch was followed by a listing."""
    async with desk() as at:
        assert await at.tell(NOTHING, NOTHING, NOTHING) == 0
        at.clock.advance(UNNOTICED)
        assert await at.tell(NOTHING, NOTHING) == 1


@pytest.mark.parametrize(
    ("path", "does"),
    [
        ("", True),
        ("mine", True),
        ("mine/latest", True),
        ("mine/.aliases.json", True),
        ("mine/v1", True),
        ("mine/v1/model.yaml", True),
        ("mine/v1/tokenizer/vocab.txt", True),
        (".model-cache.lock", False),
        (".tmpq1w2e3", False),
        ("model-cache-staging", False),
        ("model-cache-staging/work/new-1/model.onnx", False),
    ],
)
async def test_our_own_staging_and_locks_are_no_changes(path: str, does: bool) -> None:
    """Planted faults: the staging folder counted; only descriptions counted."""
    assert concerns(STORE / path, STORE) is does
    async with desk() as at:
        assert await at.tell(changed(path)) == int(does)


async def test_a_store_that_is_not_there_is_listed_every_few_seconds_until_it_is() -> None:
    """Planted fault: what cannot be watched ended the watching."""
    async with desk() as at:
        await at.tell(GONE)
        assert at.slept == [5.0]
        assert await at.wake() == 1
        await at.tell(GONE)
        assert await at.wake() == 1
        assert await at.tell(NOTHING) == 1
        assert await at.tell(changed("mine")) == 1


async def test_that_a_store_cannot_be_watched_is_said_once_and_so_is_its_return(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with desk() as at:
        for _ in range(4):
            await at.tell(GONE)
            await at.wake()
        await at.tell(NOTHING, NOTHING)

    reason = "cannot be watched (No such file or directory): it is listed every 5 s until it can"
    again = "is watched again"
    assert caplog.messages == [f"the model store /store {text}" for text in (reason, again)]


async def test_of_a_store_that_is_made_a_moment_later_nothing_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fresh service makes its own."""
    caplog.set_level(logging.INFO)
    async with desk() as at:
        await at.tell(GONE)
        await at.wake()
        await at.tell(NOTHING)

    assert caplog.messages == []


async def test_a_store_that_is_polled_is_listed_every_few_seconds_and_not_watched() -> None:
    async with desk(poll=True) as at:
        assert [await at.wake() for _ in range(3)] == [1, 1, 1]
        assert (at.watched, set(at.slept)) == (0, {5.0})

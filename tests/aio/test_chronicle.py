"""The journal of events in memory: what is kept, who follows, and that nobody holds it up."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from cache.errors import TooManyWaiting
from cache.events import Cause, Draining, LoadFailed, LoadFinished, LoadStarted, Refreshed, Removed
from cache.ports import Priority
from models.chronicle import AT_ONCE, MAX_ERROR_CHARS, Chronicle
from models.clock import SystemClock
from models.port import Happening, Predicted, RefreshFailed, WarmedUp
from models.views.event import EventView

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


class EpochClock(SystemClock):
    """Counts its monotonic seconds from EPOCH."""

    def utc(self, at: float) -> datetime:
        return EPOCH + timedelta(seconds=at)


def chronicle(events: int = 0, *, capacity: int = 1000, max_followers: int = 64) -> Chronicle:
    made = Chronicle(EpochClock(), capacity, max_followers=max_followers)
    happen(made, events)
    return made


def happen(chronicle: Chronicle, times: int = 1) -> None:
    for _ in range(times):
        chronicle(Refreshed("a:v1", 0.0))


def ids(views: list[EventView] | tuple[EventView, ...]) -> list[int]:
    return [view.id for view in views]


async def told(stream: AsyncGenerator[EventView, None], count: int) -> list[int]:
    return [(await anext(stream)).id for _ in range(count)]


async def rest(stream: AsyncGenerator[EventView, None]) -> list[int]:
    return [view.id async for view in stream]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            LoadStarted("a:v1", 5.0, 100),
            EventView(1, EPOCH + timedelta(seconds=5), "load_started", "a:v1", size=100),
        ),
        (
            LoadFinished("a:v1", 0.0, 2.5, 90),
            EventView(1, EPOCH, "load_finished", "a:v1", size=90, seconds=2.5),
        ),
        (
            LoadFailed("a:v1", 0.0, "damaged", quarantine=4.0),
            EventView(1, EPOCH, "load_failed", "a:v1", error="damaged", seconds=4.0),
        ),
        (
            Draining("a:v1", 0.0, Cause.EVICTED, "b:v1", Priority.LOW, 0.25, 60.0),
            EventView(
                1,
                EPOCH,
                "draining",
                "a:v1",
                cause="evicted",
                room_for="b:v1",
                seconds=60.0,
                priority=Priority.LOW,
                score=0.25,
            ),
        ),
        (
            Removed("a:v1", 0.0, Cause.REPLACED, 90, "b:v1"),
            EventView(1, EPOCH, "removed", "a:v1", "replaced", "b:v1", size=90),
        ),
        (Refreshed("a:v1", 0.0), EventView(1, EPOCH, "refreshed", "a:v1")),
        (
            RefreshFailed("a:v1", 0.0, "timed out"),
            EventView(1, EPOCH, "refresh_failed", "a:v1", error="timed out"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_is_shown_with_what_applies_to_it(event: Happening, expected: EventView) -> None:
    """Seen failing with the reserved bytes of a load left out."""
    made = chronicle()
    made(event)

    assert made.since(0, 10) == (expected,)


def test_predictions_and_warmups_are_not_kept_and_take_no_id() -> None:
    """Seen failing with the id counted before the event was looked at."""
    made = chronicle()
    made(Predicted("a", 0.1, 0.1))
    made(WarmedUp("a", 0.1))
    happen(made)

    assert ids(made.since(0, 10)) == [1]


def test_a_long_error_is_cut_so_that_what_is_kept_stays_bounded() -> None:
    """Seen failing with the error kept whole."""
    made = chronicle()
    made(LoadFailed("a:v1", 0.0, "x" * 100_000))

    assert len(made.since(0, 1)[0].error or "") == MAX_ERROR_CHARS + 1


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        (0, 100, [6, 7, 8, 9, 10]),
        (0, 2, [9, 10]),
        (7, 100, [8, 9, 10]),
        (7, 2, [9, 10]),
        (10, 100, []),
        (99, 100, []),
        (2, 100, [6, 7, 8, 9, 10]),
    ],
)
def test_the_newest_above_an_id_are_given_in_order(
    after: int, limit: int, expected: list[int]
) -> None:
    """Ten happened, five are kept. Seen failing with the oldest of them given."""
    assert ids(chronicle(10, capacity=5).since(after, limit)) == expected


async def test_a_follower_is_told_what_is_kept_and_then_what_happens() -> None:
    """Nothing twice, nothing left out. Seen failing with the position not moved on."""
    made = chronicle(3)
    stream = made.follow(after=1)
    kept = await told(stream, 2)
    waiting = asyncio.create_task(told(stream, 2))
    await asyncio.sleep(0)
    happen(made, 2)

    assert kept == [2, 3]
    assert await waiting == [4, 5]
    await stream.aclose()


async def test_what_happens_before_a_follower_first_reads_is_not_lost() -> None:
    made = chronicle(1)
    stream = made.follow(after=1)
    happen(made, 2 * AT_ONCE)
    made.close()

    assert await rest(stream) == list(range(2, 2 * AT_ONCE + 2))


async def test_closing_ends_all_who_follow_and_all_who_come_later() -> None:
    """A shutdown must not wait for them. Seen failing with those who wait not woken."""
    made = chronicle(1)
    waiting = [asyncio.create_task(rest(made.follow(after=0))) for _ in range(3)]
    await asyncio.sleep(0)
    made.close()

    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == [[1]] * 3
    assert await rest(made.follow(after=0)) == [1]
    assert made.followers == 0


async def test_what_happens_after_closing_is_still_noted() -> None:
    made = chronicle(1)
    made.close()
    happen(made)

    assert ids(made.since(0, 10)) == [1, 2]


async def test_a_follower_who_falls_behind_is_ended_and_others_are_not() -> None:
    """Ended where it stood, with no gap passed over. Seen failing with the check left out."""
    made = chronicle(1, capacity=5)
    slow, quick = made.follow(after=0), made.follow(after=0)
    first = await told(slow, 1), await told(quick, 1)
    happen(made, 3)
    followed = await told(quick, 3)
    happen(made, 3)

    assert first == ([1], [1])
    assert followed == [2, 3, 4]
    assert await rest(slow) == []
    assert await told(quick, 3) == [5, 6, 7]
    assert made.followers == 1
    await quick.aclose()


async def test_too_many_followers_are_refused_and_a_place_comes_free_again() -> None:
    """Seen failing with the number of followers not looked at."""
    made = chronicle(1, max_followers=2)
    first, second = made.follow(after=0), made.follow(after=0)
    with pytest.raises(TooManyWaiting) as refused:
        made.follow(after=0)
    await told(first, 1)
    await first.aclose()
    third = made.follow(after=0)

    assert refused.value.retry_after > 0
    assert await told(third, 1) == [1]
    await second.aclose()
    await third.aclose()


async def test_a_follower_leaves_nothing_behind_however_it_ends() -> None:
    """Cancelled, closed, or never begun. Seen failing with a plain set of followers."""
    made = chronicle(1)
    cancelled = asyncio.create_task(rest(made.follow(after=0)))
    await asyncio.sleep(0)
    cancelled.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await cancelled
    never_begun = made.follow(after=0)
    await never_begun.aclose()
    forgotten = made.follow(after=0)
    del forgotten

    assert made.followers == 0

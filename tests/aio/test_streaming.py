"""A response that goes on, and the pauses in it."""

import asyncio
from collections.abc import AsyncGenerator

from api.streaming import EventStream, with_pauses
from cache.events import Refreshed
from models.chronicle import Chronicle
from models.clock import SystemClock
from tests.contract.live_app import Exchange


def chronicle(events: int) -> Chronicle:
    made = Chronicle(SystemClock())
    for _ in range(events):
        made(Refreshed("a:v1", 0.0))
    return made


async def test_a_client_who_takes_nothing_is_given_up() -> None:
    """A shutdown would wait for him. Seen failing without the limit on sending."""
    made = chronicle(1)
    views = made.follow(after=0)
    exchange = Exchange()

    async def chunks() -> AsyncGenerator[bytes, None]:
        async for view in views:
            yield str(view.id).encode()

    response = EventStream(chunks(), patience=0.01)
    async with asyncio.timeout(10):
        await response({"type": "http"}, exchange.receive, exchange.send)

    assert exchange.sent.empty()


async def test_pauses_are_filled_and_nothing_is_left_of_what_is_closed() -> None:
    """Seen failing with the items not closed."""
    made = chronicle(2)
    views = made.follow(after=0)
    filled = with_pauses(views, every=0.01)
    first = await anext(filled)
    await filled.aclose()
    waiting = with_pauses(made.follow(after=2), every=0.01)
    pause = await anext(waiting)
    await waiting.aclose()

    assert first is not None
    assert pause is None
    assert made.followers == 0

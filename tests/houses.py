"""Houses to live in: the use cases over fakes, with small models of one size."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from cache.events import Cause, Removed
from models.catalogue import Catalogue
from models.spec import ModelSpec, StoredModel
from models.views.prediction import Prediction
from tests.aio.test_directory import stored
from tests.fakes_serving import House

SHIPPED = ModelSpec(name="shipped", origin="embedded", warmup_texts=("one", "two"))
LISTED = ModelSpec(name="listed", origin="hf:x/listed")
PINNED = ModelSpec(name="pinned", origin="hf:x/pinned", pin=True)
TTL = 100.0
CATALOGUE = Catalogue({"listed": LISTED, "shipped": SHIPPED})


def model(name: str, *, size: int = 100, minute: int = 0) -> StoredModel:
    """`name` may be "name:version"; the later `minute` the newer."""
    name, _, version = name.partition(":")
    return replace(stored(name, version or "v1", minute=minute), footprint=size)


def house(
    *models: str, limit: int = 1000, catalogue: Catalogue = CATALOGUE, **settings: Any
) -> House:
    """With the shipped model, and `models` ("name" or "name:version") of the same size beside."""
    registered = [model(name, minute=minute) for minute, name in enumerate(models, 1)]
    return House(
        catalogue,
        model("shipped"),
        *registered,
        limit=limit,
        **{"default_model": "listed", **settings},
    )


async def register(home: House, name: str, *, size: int = 100, noticed: bool = False) -> None:
    """Put a version into the store that is newer than all there are, and have it listed.

    Unless that is `noticed`, it is the next refresh that tries it, as where it could not before.
    """
    home.store.models.append(model(name, size=size, minute=len(home.store.models) + 1))
    follow = home.directory._on_change
    if not noticed:
        home.directory.follow(lambda _change: None)
    await home.directory.refresh()
    home.directory.follow(follow)


async def delete(home: House, *names: str) -> None:
    """Take versions ("name:version") out of the store, and let it be seen."""
    home.store.models = [m for m in home.store.models if f"{m.name}:{m.version}" not in names]
    await home.directory.refresh()


async def refresh(home: House, key: str = "mine:v1") -> None:
    """Refresh what is due: that is `key`, which is in the last tenth of its TTL now."""
    await begin_refresh(home, key)
    await attempts(home)


async def begin_refresh(home: House, key: str = "mine:v1") -> None:
    """The same; it goes on in the background."""
    await come_due(home, key)
    begin_refreshes(home, key)


async def come_due(home: House, key: str = "mine:v1") -> None:
    """Let the last tenth of the TTL of `key` begin, and the store be listed as of then."""
    entry = home.serving._residency.entry(key)
    assert entry is not None
    assert entry.ttl is not None
    home.clock.advance(max(0.0, entry.since + 0.95 * entry.ttl - home.clock.monotonic()))
    await home.directory.renew()


async def attempts(home: House) -> None:
    """Return when all that was begun in the background has ended."""
    await asyncio.gather(*home.serving._background._attempts, return_exceptions=True)


def begin_refreshes(home: House, *expected: str) -> None:
    """As the janitor does."""
    due = home.serving._residency.begin_refreshes()
    assert due == expected
    for key in due:
        home.serving._janitor._refresh(key)


def states(home: House) -> dict[str, str]:
    """Each key that is not absent, and the state it is in."""
    return {entry.key: entry.state.value for entry in home.serving._residency.entries()}


def brief(*models: str, **settings: Any) -> House:
    """Whose models live for TTL seconds, and may be evicted at once."""
    return house(*models, cache_ttl=TTL, **{"churn_guard": 0.0, **settings})


async def champion(home: House, version: str | None, name: str = "mine") -> str:
    """Set the champion, or take it away; what became of the swap."""
    return (await home.serving.set_alias(name, "champion", version)).swap


def removals(home: House) -> list[tuple[str, Cause]]:
    """What has left, and why."""
    return [(event.key, event.cause) for event in home.audience.told(Removed)]


async def use(home: House, name: str = "mine") -> None:
    """Have it in memory, and asked for since it was loaded."""
    for _ in range(2):
        await home.serving.predict("x", name)


@asynccontextmanager
async def asked_without_pause(home: House) -> AsyncIterator[list[Prediction]]:
    """Seven callers of "mine", single texts and batches, each one after the other; all answers."""
    over, answers = asyncio.Event(), list[Prediction]()

    async def ask() -> None:
        while not over.is_set():
            answers.append(await home.serving.predict("x", "mine"))
            answers.extend(await home.serving.predict_batch(["y", "z"], "mine"))

    callers = [home.begin(ask()) for _ in range(7)]
    yield answers
    over.set()
    await asyncio.gather(*callers)

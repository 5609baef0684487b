"""Predictions that another service made: over a store that two houses share."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from models.config import SharedConfig
from models.engines import Row
from models.shared.encoding import encode
from models.shared.sharing import Sharing
from tests.fakes import until
from tests.fakes_serving import House
from tests.fakes_shared import FakeStore
from tests.houses import CATALOGUE, model, register, states

TTL = 60.0


@asynccontextmanager
async def neighbour(store: FakeStore, *models: str) -> AsyncIterator[House]:
    """Open, with the shipped model and `models`, and a prediction cache that shares."""
    sharing = Sharing(store, SharedConfig("", 20.0, 5.0, "p"), TTL)
    home = House(
        CATALOGUE,
        *(model(name, minute=minute) for minute, name in enumerate(("shipped", *models))),
        sharing=sharing,
        default_model="listed",
        prediction_cache=1_000_000,
        prediction_cache_ttl=TTL,
    )
    work = asyncio.create_task(sharing.run())
    try:
        async with home.open():
            await until(lambda: sharing.view().connected)
            yield home
    finally:
        work.cancel()
        await asyncio.wait([work])


async def written(home: House, count: int = 1) -> None:
    shared = home.serving._predicting._recalling._sharing
    assert shared is not None
    await until(lambda: shared.view().written >= count)


async def test_what_a_neighbour_answered_loads_no_model() -> None:
    """It is cached, and a hit; the next time it is found at home. Planted fault: read again."""
    store = FakeStore()
    async with neighbour(store) as one, neighbour(store) as other:
        first = await one.serving.predict("bad", "shipped")
        await written(one)
        second = await other.serving.predict("bad", "shipped")
        calls = len(store.calls)
        third = await other.serving.predict("bad", "shipped")

        assert [each.cached for each in (first, second, third)] == [False, True, True]
        assert (second.probabilities, second.label) == (first.probabilities, first.label)
        assert second.cache_hit
        assert states(other) == {}
        assert len(store.calls) == calls
        shown = (await other.serving.cache()).predictions.shared
        assert shown is not None
        assert (shown.hits, shown.misses) == (1, 0)


async def test_of_a_batch_only_the_rest_is_read() -> None:
    store = FakeStore()
    async with neighbour(store) as one, neighbour(store) as other:
        await one.serving.predict_batch(["a", "b"], "shipped")
        await written(one, 2)
        answers = await other.serving.predict_batch(["c", "b", "a", "c"], "shipped")

        assert [answer.cached for answer in answers] == [False, True, True, False]
        assert other.runner.read == ["c"]


async def test_who_asks_alike_at_once_is_looked_up_once_and_cached_too() -> None:
    """Planted fault: who joined a look-up counted as one who shared an inference."""
    store = FakeStore()
    async with neighbour(store) as one, neighbour(store) as other:
        await one.serving.predict("x", "shipped")
        await written(one)
        before = len(store.calls)
        store.answers.clear()
        asked = [other.begin(other.serving.predict("x", "shipped")) for _ in range(5)]
        await until(lambda: len(store.calls) > before)
        store.answers.set()

        assert [answer.cached for answer in await asyncio.gather(*asked)] == [True] * 5
        assert len(store.calls) == before + 1


async def test_without_the_cache_nothing_is_looked_up_or_shared() -> None:
    store = FakeStore()
    async with neighbour(store) as home:
        await home.serving.predict("x", "shipped", cache=False)

        assert (store.calls, store.puts) == ([], 0)


async def test_what_is_shared_is_as_old_as_its_time_to_live_at_most() -> None:
    """At home it does not begin anew. Planted fault: it did, and lived longer."""
    store = FakeStore()
    async with neighbour(store) as one, neighbour(store) as other:
        await one.serving.predict("x", "shipped")
        await written(one)
        [name] = store.values
        row = Row((0.75, 0.25), tokens=1, truncated=False)
        await store.put([(name, encode(row, name, time.time() - TTL / 2))], TTL)
        assert (await other.serving.predict("x", "shipped")).cached
        store.values.clear()
        other.clock.advance(TTL / 2)

        assert not (await other.serving.predict("x", "shipped")).cached


async def test_a_neighbours_answer_with_a_keep_alive_of_zero_unloads_the_model() -> None:
    """As one that was found at home does. Planted fault: forgotten, for a look-up is no lease."""
    store = FakeStore()
    async with neighbour(store) as one, neighbour(store) as other:
        await one.serving.predict("x", "shipped")
        await written(one)
        await other.serving.load("shipped")

        await other.serving.predict("x", "shipped", keep_alive=0.0)
        await until(lambda: states(other) == {})


async def test_a_new_version_is_not_answered_for_by_the_old_one() -> None:
    """Nor one whose files differ below the same name. Planted fault: shared by the name."""
    store = FakeStore()
    async with neighbour(store, "mine:v1") as one, neighbour(store, "mine:v1") as other:
        await one.serving.predict("x", "mine")
        await written(one)
        await register(other, "mine:v2")
        assert not (await other.serving.predict("x", "mine")).cached
    async with neighbour(store, "mine:v1") as third:
        [mine] = [m for m in third.store.models if m.name == "mine"]
        third.store.models.remove(mine)
        third.store.models.append(replace(mine, digests={"model.onnx": "other"}))
        await third.directory.refresh()

        assert not (await third.serving.predict("x", "mine")).cached


async def test_a_store_that_fails_is_never_an_error() -> None:
    store = FakeStore()
    async with neighbour(store) as home:
        store.failure = "gone"
        answers = [await home.serving.predict(text, "shipped") for text in "abc"]

        assert [answer.cached for answer in answers] == [False] * 3

"""What the cache relies on in whatever it loads with; the fakes keep it like the real ones.

To hold another loader to it: inherit from `LoaderContract`, and give it a `bench` fixture.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

import pytest

from cache.ports import Key, Loaded, Loader
from tests.fakes import FakeLoaded, FakeLoader, settle


class Bench(Protocol):
    """A loader, and the hands to see to it that something goes wrong.

    `key` and `other` can be loaded, `unknown` has no terms, and a load of `broken` raises.
    """

    key: Key
    other: Key
    unknown: Key
    broken: Key

    @property
    def loader(self) -> Loader[Loaded]: ...

    def living(self) -> int:
        """How many residents, or loads under way, hold memory."""
        ...

    def kill(self, loaded: Loaded) -> None:
        """Let a resident end by itself."""
        ...

    async def load_half(self, key: Key) -> "asyncio.Task[Loaded]":
        """Begin a load, and return while it is under way."""
        ...


class LoaderContract:
    """Every test leaves nothing alive, and says so where that is its point."""

    async def test_terms_estimate_at_least_what_a_load_then_weighs(self, bench: Bench) -> None:
        """Headroom is included, so what is admitted does not outgrow its reservation at once."""
        terms = await bench.loader.terms(bench.key)

        loaded = await bench.loader.load(bench.key)

        assert 0 < loaded.footprint <= terms.size_estimate
        await loaded.close()

    async def test_what_is_unknown_has_no_terms(self, bench: Bench) -> None:
        """The caller is told before anybody is evicted for it."""
        with pytest.raises(Exception, match=bench.unknown):
            await bench.loader.terms(bench.unknown)

        assert bench.living() == 0

    async def test_two_keys_can_be_loaded_at_once(self, bench: Bench) -> None:
        """Each is a resident of its own, and leaves alone."""
        one, other = await asyncio.gather(
            bench.loader.load(bench.key), bench.loader.load(bench.other)
        )

        await one.close()

        assert bench.living() == 1
        assert await other.measure() > 0
        await other.close()

    async def test_a_measurement_is_remembered(self, bench: Bench) -> None:
        """`footprint` tells it again without measuring."""
        loaded = await bench.loader.load(bench.key)

        measured = await loaded.measure()

        assert measured > 0
        assert loaded.footprint == measured
        await loaded.close()

    async def test_when_close_returns_nothing_is_left(self, bench: Bench) -> None:
        """The next is admitted on the strength of it."""
        loaded = await bench.loader.load(bench.key)
        before = bench.living()

        await loaded.close()

        assert (before, bench.living()) == (1, 0)

    async def test_closing_twice_is_closing_once(self, bench: Bench) -> None:
        """One after the other, or two at the same time."""
        loaded = await bench.loader.load(bench.key)

        await asyncio.gather(loaded.close(), loaded.close())
        await loaded.close()

        assert bench.living() == 0

    async def test_who_watches_is_told_of_the_close(self, bench: Bench) -> None:
        """And who begins to watch after it is told at once."""
        loaded = await bench.loader.load(bench.key)
        watching = asyncio.create_task(loaded.wait_ended())
        await settle()
        early = watching.done()

        await loaded.close()
        await asyncio.wait_for(watching, 5)
        await asyncio.wait_for(loaded.wait_ended(), 5)

        assert not early

    async def test_who_watches_is_told_of_a_death(self, bench: Bench) -> None:
        """Nobody has to ask it something for that to be noticed."""
        loaded = await bench.loader.load(bench.key)
        watching = asyncio.create_task(loaded.wait_ended())
        await settle()

        bench.kill(loaded)
        await asyncio.wait_for(watching, 5)
        await loaded.close()

        assert bench.living() == 0

    async def test_who_stops_watching_changes_nothing(self, bench: Bench) -> None:
        """The resident lives on, and others can watch it."""
        loaded = await bench.loader.load(bench.key)
        watching = asyncio.create_task(loaded.wait_ended())
        await settle()

        watching.cancel()
        await asyncio.wait([watching])

        assert bench.living() == 1
        await loaded.close()

    async def test_what_has_ended_weighs_nothing(self, bench: Bench) -> None:
        """A sweep may measure it before the death is noticed; that is no error."""
        loaded = await bench.loader.load(bench.key)
        bench.kill(loaded)
        await asyncio.wait_for(loaded.wait_ended(), 5)

        assert await loaded.measure() == 0
        await loaded.close()

    async def test_a_load_that_fails_leaves_nothing(self, bench: Bench) -> None:
        """Its reservation is given back on the strength of it."""
        with pytest.raises(Exception, match=r"\w"):
            await bench.loader.load(bench.broken)

        assert bench.living() == 0

    async def test_a_load_that_is_cancelled_leaves_nothing(self, bench: Bench) -> None:
        """When the cancellation is through, the memory is free."""
        loading = await bench.load_half(bench.key)

        loading.cancel()
        await asyncio.wait([loading])

        assert loading.cancelled()
        assert bench.living() == 0


@dataclass
class FakeBench:
    loader: FakeLoader
    key: Key = "a"
    other: Key = "b"
    unknown: Key = "unknown"
    broken: Key = "broken"

    def living(self) -> int:
        return len(self.loader.alive) + self.loader.under_way

    def kill(self, loaded: Loaded) -> None:
        assert isinstance(loaded, FakeLoaded)
        loaded.die()

    async def load_half(self, key: Key) -> "asyncio.Task[Loaded]":
        self.loader.hold(key)
        loading: asyncio.Task[Loaded] = asyncio.create_task(self.loader.load(key))
        await settle()
        return loading


class TestFakeLoader(LoaderContract):
    @pytest.fixture
    def bench(self) -> FakeBench:
        loader = FakeLoader()
        loader.terms_errors["unknown"] = KeyError("unknown")
        loader.fail("broken", OSError("broken"))
        return FakeBench(loader)

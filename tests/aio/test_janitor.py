"""The janitor comes round in time. Sleeping is faked: it advances the clock."""

import asyncio

import pytest

from cache.janitor import Janitor
from cache.policy import Limits
from cache.ports import Key, Terms
from cache.prospects import Sweep
from tests.fakes import World


class Rounds:
    """A janitor whose sleep advances the clock, and what he did at what time."""

    def __init__(self, world: World, interval: float = 60.0) -> None:
        self.world = world
        self.start = world.clock.monotonic()
        self.measured: list[float] = []
        self.swept: list[tuple[float, Sweep]] = []
        self.naps: list[float] = []
        self.to_refresh: list[tuple[float, Key]] = []
        self.visits: dict[int, str] = {}
        self.janitor = Janitor(
            world.residency,
            world.clock,
            interval,
            self._measure,
            self._swept,
            self._refresh,
            self._sleep,
        )

    @property
    def now(self) -> float:
        return self.world.clock.monotonic() - self.start

    async def _measure(self) -> None:
        self.measured.append(self.now)

    def _swept(self, sweep: Sweep) -> None:
        self.swept.append((self.now, sweep))

    def _refresh(self, key: Key) -> None:
        self.to_refresh.append((self.now, key))

    async def _sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        key = self.visits.pop(len(self.naps), None)
        if key is not None:
            async with self.world.residency.lease(key):
                pass
        self.world.clock.advance(seconds)
        await asyncio.sleep(0)

    async def until(self, seconds: float) -> None:
        """Let him work until `seconds` are over."""
        work = asyncio.create_task(self.janitor.run())
        while self.now < seconds:
            await asyncio.sleep(0)
            if work.done():
                break
        work.cancel()
        await asyncio.wait([work])
        if not work.cancelled():
            await work


async def test_he_comes_round_once_an_interval(world: World) -> None:
    """Nothing resident: the interval alone decides."""
    rounds = Rounds(world, interval=60)

    await rounds.until(185)

    assert [at for at, _ in rounds.swept] == [60, 120, 180]


async def test_he_measures_before_he_sweeps(world: World) -> None:
    """The limits that he sweeps by are those of now."""
    rounds = Rounds(world, interval=60)

    await rounds.until(65)

    assert rounds.measured == [60]


async def test_he_comes_earlier_for_one_that_expires(world: World) -> None:
    """Fault planted: the pause was the interval, whatever expired."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=7.5)
    await world.have("a")
    rounds = Rounds(world, interval=60)

    await rounds.until(60)

    assert rounds.swept[0] == (6.5, Sweep(expired=("a",), evicted=(), freed=10))


async def test_he_comes_earlier_for_one_that_was_loaded_while_he_slept(world: World) -> None:
    """A short life that begins after the nap did is not as long as the interval."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=5)
    rounds = Rounds(world, interval=60)
    rounds.visits = {10: "a"}

    await rounds.until(60)

    at, sweep = rounds.swept[0]
    assert sweep.expired == ("a",)
    assert at <= 9 + 5 + 1


async def test_he_does_not_come_round_without_a_pause(world: World) -> None:
    """One that is leased when its time is up costs no extra round, however often he looks."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=5)
    async with world.residency.lease("a"):
        rounds = Rounds(world, interval=60)

        await rounds.until(125)

    assert [at for at, _ in rounds.swept] == [60, 120]


async def test_he_has_what_is_in_use_refreshed_before_it_expires(world: World) -> None:
    """Once, in the last tenth of its TTL; what is idle expires."""
    world.loader.terms_of["a"] = world.loader.terms_of["b"] = Terms(size_estimate=10, ttl=20)
    await world.have("a", "b", "a")
    rounds = Rounds(world, interval=60)

    await rounds.until(59)

    assert rounds.to_refresh == [(15.0, "a")]
    assert [sweep.expired for _, sweep in rounds.swept] == [("b",)]


async def test_he_comes_in_time_for_a_refresh_however_short_it_is_due(world: World) -> None:
    """Not after a whole nap."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=2)
    rounds = Rounds(world, interval=60)
    async with world.residency.lease("a"):
        pass
    async with world.residency.lease("a"):
        pass

    await rounds.until(10)

    (refresh,) = rounds.to_refresh
    assert refresh[0] == pytest.approx(1.8)


async def test_what_is_in_use_is_refreshed_although_he_comes_late(world: World) -> None:
    """Fault found: a sweep that took longer than the last tenth let it expire."""
    world.loader.terms_of["a"] = Terms(size_estimate=10, ttl=20)
    await world.have("a", "a")
    world.clock.advance(30)
    rounds = Rounds(world, interval=60)

    await rounds.until(70)

    assert rounds.to_refresh == [(0.0, "a")]
    assert [sweep.expired for _, sweep in rounds.swept] == [()]


async def test_he_evicts_what_is_above_the_comfort_mark(world: World) -> None:
    """Least recently used first, and only as much as needed."""
    await world.have("a", "b", "c")
    world.limits = Limits(budget=30, comfort=25, max_entries=10)
    rounds = Rounds(world, interval=60)

    await rounds.until(61)

    assert rounds.swept[0][1] == Sweep(expired=(), evicted=("a",), freed=10)


async def test_what_he_cannot_measure_is_his_error(world: World) -> None:
    """A failure ends him loudly: whoever runs him has to know."""

    async def fail() -> None:
        raise OSError("no figures")

    janitor = Janitor(world.residency, world.clock, 0.0, fail, lambda _: None, lambda _: None)

    with pytest.raises(OSError, match="no figures"):
        await asyncio.wait_for(janitor.run(), 1)

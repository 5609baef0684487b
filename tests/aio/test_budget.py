"""What models may use follows what is really free, where that is turned on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from cache.errors import InsufficientRoom
from cache.events import Cause, Removed
from cache.policy import Limits
from models.budget import Budget
from models.config import ServingConfig
from models.memory import MemoryMeter, Sample
from models.views.system import SystemView
from tests.fakes import FakeClock, settle, until
from tests.fakes_serving import House
from tests.houses import house, states

PLENTY = 10_000


class FakeMeter(MemoryMeter):
    """Measures what it is told to: nothing, unless `takes` says otherwise."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(0, set, set, clock)
        self.clock = clock
        self.takes = (0, 0)
        self.measured = 0
        self.error: Exception | None = None

    async def sample(self, *, max_age: float = 1.0) -> Sample:
        self.measured += 1
        if self.error is not None:
            raise self.error
        own, anonymous = self.takes
        self.last = Sample(own, own + anonymous, self.clock.monotonic(), anonymous)
        return self.last


class Looks:
    """Sleeps that end when a test says so, one at a time; each takes its seconds."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._gate = asyncio.Semaphore(0)
        self.asleep = 0

    async def sleep(self, seconds: float) -> None:
        self.asleep += 1
        await self._gate.acquire()
        self._clock.advance(seconds)

    async def pass_by(self, times: int = 1) -> None:
        for _ in range(times):
            before = self.asleep
            self._gate.release()
            await until(lambda: self.asleep > before)  # noqa: B023  # awaited in this very pass


class Desk:
    """A budget of 800 of 1000 bytes, whose follower looks when a test says so."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.meter = FakeMeter(self.clock)
        self.looks = Looks(self.clock)
        self.free = PLENTY
        self.relieved = 0
        config = ServingConfig(cores=3, **settings)
        self.budget = Budget(config, 1000, self.meter, lambda: self.free, self.clock)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        await self.budget.measure()
        self.meter.measured = 0
        task = asyncio.create_task(self.budget.follow(self._relieve, self.looks.sleep))
        await settle()
        yield
        task.cancel()
        await asyncio.wait([task])

    def _relieve(self) -> None:
        self.relieved += 1


async def test_nothing_is_measured_while_all_is_well() -> None:
    """But every five seconds: runners may have grown. Planted fault: at each look."""
    desk = Desk()
    async with desk.following():
        await desk.looks.pass_by(4)
        quiet = desk.meter.measured
        await desk.looks.pass_by()

    assert (quiet, desk.meter.measured, desk.relieved) == (0, 1, 1)


async def test_what_changes_notably_is_measured_and_relieved_at_once() -> None:
    """By more than 1 % of the limit, up or down. Planted fault: only down."""
    desk = Desk()
    async with desk.following():
        desk.free = 500
        await desk.looks.pass_by()
        scarce = desk.budget.limits()
        desk.free = PLENTY
        await desk.looks.pass_by()

    assert (scarce.budget, scarce.comfort, scarce.ceiling) == (300, 300, 800)
    assert (desk.meter.measured, desk.relieved) == (2, 2)
    assert desk.budget.limits() == Limits(800, 700, 10, max_loads=2, cores=3)


async def test_what_stays_scarce_is_not_measured_at_each_look() -> None:
    """On most machines others hold something: 2 % of a core. Planted fault: whenever scarce."""
    desk = Desk()
    desk.free = 500
    async with desk.following():
        desk.free = 495
        await desk.looks.pass_by(4)
        quiet = desk.meter.measured
        await desk.looks.pass_by()

    assert (quiet, desk.meter.measured) == (0, 1)


async def test_what_models_hold_is_theirs_to_keep() -> None:
    """500 bytes are free, they hold 400: without them it were 900. Planted fault: free alone."""
    desk = Desk()
    desk.meter.takes = (0, 400)
    async with desk.following():
        desk.free = 500
        await desk.looks.pass_by()

    assert desk.budget.limits().budget == 700


async def test_a_measurement_that_fails_leaves_the_budget_and_is_made_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Fault found: one of them, when no descriptor was left, ended readiness for good."""
    desk = Desk()
    async with desk.following():
        desk.meter.error = OSError("too many open files")
        await desk.looks.pass_by(5)
        desk.meter.error = None
        desk.free = 500
        await desk.looks.pass_by()

    assert "too many open files" in caplog.text
    assert desk.budget.limits().budget == 300


async def test_without_auto_scaling_the_budget_is_static() -> None:
    desk = Desk(enable_auto_scaling=False)
    desk.free = 0
    desk.meter.takes = (50, 0)
    await desk.budget.measure()

    assert desk.budget.limits() == Limits(750, 650, 10, max_loads=2, cores=3)


async def test_a_service_that_grows_above_what_is_scarce_is_told_its_own_limits() -> None:
    """What is free was measured before; the smaller of the two holds. Never is it raised."""
    desk = Desk()
    desk.free = 500
    await desk.budget.measure()
    desk.meter.last = Sample(600, 600, desk.clock.monotonic())

    assert desk.budget.limits().budget == 200


async def shrink(home: House, free: int) -> SystemView:
    """Others leave so much free, and it is noticed."""
    home.free = free
    home.clock.advance(5)
    await home.serving._budget.measure()
    home.serving._residency.relieve()
    await settle()
    return await home.serving.system()


async def test_when_others_take_memory_idle_models_go() -> None:
    """No more than needed, and for no newcomer."""
    home = house("mine", enable_auto_scaling=True)
    async with home.open() as serving:
        await serving.load("shipped")
        await serving.load("mine")

        system = await shrink(home, 350)

        assert (system.budget, system.tracked) == (150, 114)
        assert states(home) == {"mine:v1": "resident"}
        [gone] = home.audience.told(Removed)
        assert (gone.key, gone.cause, gone.room_for) == ("shipped:v1", Cause.EVICTED, None)


async def test_who_comes_while_memory_is_scarce_waits_until_it_is_back() -> None:
    """Fault planted: refused for good, as if the machine had been made smaller."""
    home = house("mine", enable_auto_scaling=True)
    async with home.open() as serving:
        await shrink(home, 250)
        asked = home.begin(serving.predict("x", "mine"))
        await settle()
        waits, plan = not asked.done(), await serving.plan_load("mine")

        await shrink(home, PLENTY)

        assert (await asked).label == "a"
        assert (waits, plan.decision, plan.budget) == (True, "wait", 50)


async def test_who_can_never_fit_is_refused_although_memory_is_scarce() -> None:
    home = house("mine", limit=100, enable_auto_scaling=True)
    async with home.open() as serving:
        await shrink(home, 25)

        with pytest.raises(InsufficientRoom):
            await serving.predict("x", "mine")


async def test_a_model_in_use_stays_when_memory_is_scarce() -> None:
    """It goes when its request is answered."""
    home = house(enable_auto_scaling=True)
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        reading = home.begin(serving.predict("x", "shipped"))
        await until(lambda: home.runner.read == ["x"])

        await shrink(home, 0)
        during = states(home)
        home.runner.gate.set()

        assert (await reading).label == "a"
        assert during == {"shipped:v1": "resident"}
        await shrink(home, 0)
        assert states(home) == {}

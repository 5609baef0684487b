"""A world for the cache to live in: time, residents and an audience that a test commands."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Literal

from cache.events import Event
from cache.leasing import Lease
from cache.policy import Limits, Policy
from cache.ports import Key, OutOfMemory, Terms
from cache.queue import Fairness
from cache.residency import Residency
from cache.rules import Rules
from cache.scores import lru

Gate = Literal["terms", "load", "close", "measure"]
"""Where the fake loader, or what it loaded, waits if a test says so."""

LRU = Policy(lru, churn_guard=0.0)
UNHURRIED = Fairness(times=1000, seconds=1e6)
"""Lets everybody be overtaken for ever."""


class FakeClock:
    """Stands still until it is advanced."""

    def __init__(self, now: float = 1000.0) -> None:
        self._now = now

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class FakeLoaded:
    """A resident that weighs what it is told to, and can die."""

    def __init__(
        self,
        key: Key,
        footprint: int,
        close_gate: asyncio.Event,
        measure_gate: asyncio.Event,
        device_footprint: int = 0,
    ) -> None:
        self.key = key
        self.weighs = footprint
        self.device_weighs = device_footprint
        self.closed = False
        self.close_error: Exception | None = None
        self._footprint = footprint
        self._device_footprint = device_footprint
        self._close_gate = close_gate
        self._measure_gate = measure_gate
        self._ended = asyncio.Event()

    @property
    def footprint(self) -> int:
        return self._footprint

    @property
    def device_footprint(self) -> int:
        return self._device_footprint

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    async def measure(self) -> int:
        await self._measure_gate.wait()
        self._footprint = self.weighs if self.alive else 0
        self._device_footprint = self.device_weighs if self.alive else 0
        return self._footprint

    async def close(self) -> None:
        self.closed = True
        await self._close_gate.wait()
        if self.close_error is not None:
            raise self.close_error
        self._ended.set()

    async def wait_ended(self) -> None:
        await self._ended.wait()

    def die(self) -> None:
        """End by itself."""
        self._ended.set()


class FakeLoader:
    """Loads at once, or when a test opens the gate of the key.

    `terms_of` and `footprints` say what a key is estimated at and what it really weighs; whatever
    they don't name is estimated at `size` and weighs its estimate. `begun` lists every load.
    A load of a key in `short_of_memory` raises `OutOfMemory` as often as it is counted there.
    One that is `deaf` loads on when it is cancelled; else it cleans up when `cleanup_gate` opens.
    """

    def __init__(self, size: int = 10) -> None:
        self.size = size
        self.terms_of: dict[Key, Terms] = {}
        self.footprints: dict[Key, int] = {}
        self.errors: dict[Key, Exception] = {}
        self.terms_errors: dict[Key, Exception] = {}
        self.short_of_memory: Counter[Key] = Counter()
        self.begun: list[Key] = []
        self.loaded: list[FakeLoaded] = []
        self.most_at_once: Counter[Key] = Counter()
        self.deaf = False
        self.cleanup_gate: asyncio.Event | None = None
        self.cleaned_up: list[Key] = []
        self._under_way: Counter[Key] = Counter()
        self._gates: defaultdict[Gate, _Gates] = defaultdict(_Gates)

    async def terms(self, key: Key) -> Terms:
        await self._gates["terms"][key].wait()
        if key in self.terms_errors:
            raise self.terms_errors[key]
        return self.terms_of.get(key, Terms(size_estimate=self.size))

    async def load(self, key: Key) -> FakeLoaded:
        self.begun.append(key)
        self._under_way[key] += 1
        together = self._under_way[key] + sum(loaded.key == key for loaded in self.alive)
        self.most_at_once[key] = max(self.most_at_once[key], together)
        try:
            await self._gates["load"][key].wait()
        except asyncio.CancelledError:
            if not self.deaf:
                await self._clean_up(key)
                raise
            await self._gates["load"][key].wait()
        finally:
            self._under_way[key] -= 1
        if self.short_of_memory[key]:
            self.short_of_memory[key] -= 1
            raise OutOfMemory(f"no memory for {key}")
        if key in self.errors:
            raise self.errors[key]
        terms = await self.terms(key)
        loaded = FakeLoaded(
            key,
            self.footprints.get(key, terms.size_estimate),
            self._gates["close"][key],
            self._gates["measure"][key],
            terms.device_estimate,
        )
        self.loaded.append(loaded)
        return loaded

    async def _clean_up(self, key: Key) -> None:
        if self.cleanup_gate is not None:
            await self.cleanup_gate.wait()
        self.cleaned_up.append(key)

    @property
    def under_way(self) -> int:
        return self._under_way.total()

    @property
    def alive(self) -> list[FakeLoaded]:
        return [loaded for loaded in self.loaded if loaded.alive]

    def newest(self, key: Key) -> FakeLoaded:
        return [loaded for loaded in self.loaded if loaded.key == key][-1]

    def hold(self, key: Key, gate: Gate = "load") -> None:
        """Let nothing of `key` pass `gate` until it is opened."""
        self._gates[gate][key].clear()

    def open(self, key: Key, gate: Gate = "load") -> None:
        """Let all of `key` pass `gate`, now and from now on; a load ends well."""
        if gate == "load":
            self.errors.pop(key, None)
        self._gates[gate][key].set()

    def fail(self, key: Key, error: Exception) -> None:
        """Let the loads of `key` raise `error`, now and until its gate is opened."""
        self.errors[key] = error
        self._gates["load"][key].set()


class _Gates(dict[Key, asyncio.Event]):
    """A gate a key, open until it is closed."""

    def __missing__(self, key: Key) -> asyncio.Event:
        gate = self[key] = asyncio.Event()
        gate.set()
        return gate


class RecordingObserver:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def told(self) -> list[tuple[str, Key]]:
        """Each event by its name and its key."""
        return [(type(event).__name__, event.key) for event in self.events]


class Caller:
    """Somebody who leases a key and holds it until told to let go."""

    def __init__(
        self,
        residency: Residency[FakeLoaded],
        key: Key,
        keep_alive: float | None = None,
        *,
        patient: bool = True,
    ) -> None:
        self.key = key
        self.patient = patient
        self._keep_alive = keep_alive
        self.lease: Lease[FakeLoaded] | None = None
        self._let_go = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self._hold(residency))

    async def _hold(self, residency: Residency[FakeLoaded]) -> None:
        asked = residency.lease(self.key, keep_alive=self._keep_alive, patient=self.patient)
        async with asked as self.lease:
            await self._let_go.wait()

    @property
    def holds(self) -> bool:
        return self.lease is not None and not self.task.done()

    @property
    def error(self) -> BaseException | None:
        """What the caller was answered instead of a lease, if he did not go away himself."""
        answered = self.task.done() and not self.task.cancelled()
        return self.task.exception() if answered else None

    def release(self) -> None:
        self._let_go.set()

    def go_away(self) -> None:
        self.task.cancel()


class World:
    """A residency cache on fakes. 30 bytes, room for three of what the fake loader loads."""

    def __init__(
        self,
        room_timeout: float = 30.0,
        max_waiting: int = 256,
        policy: Policy = LRU,
        fairness: Fairness = UNHURRIED,
    ) -> None:
        self.clock = FakeClock()
        self.loader = FakeLoader()
        self.observer = RecordingObserver()
        self.limits = Limits(budget=30, comfort=30, max_entries=10)
        self.callers: list[Caller] = []
        self.residency: Residency[FakeLoaded] = Residency(
            self.loader,
            self.clock,
            lambda: self.limits,
            self.observer,
            Rules(
                policy=policy,
                fairness=fairness,
                room_timeout=room_timeout,
                max_waiting=max_waiting,
            ),
        )

    def ask(self, key: Key, keep_alive: float | None = None, *, patient: bool = True) -> Caller:
        """Send a caller for a lease on `key`."""
        caller = Caller(self.residency, key, keep_alive, patient=patient)
        self.callers.append(caller)
        return caller

    async def have(self, *keys: Key) -> None:
        """Make `keys` resident, one after another, a second apart."""
        for key in keys:
            async with self.residency.lease(key):
                self.clock.advance(1)

    def state(self, key: Key) -> str:
        entry = self.residency.entry(key)
        return "absent" if entry is None else entry.state.value

    def states(self) -> dict[Key, str]:
        return {entry.key: entry.state.value for entry in self.residency.entries()}


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the tasks run, a step at a time, no further than `condition` asks."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")

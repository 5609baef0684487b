"""Residency: leases on things that must be loaded before they can be used.

The shell around the pure core: it reads the clock once an operation, asks `policy`, writes the
answer into the `ledger` with no `await` in between, and then does what it was told. On one
event loop that needs no lock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic

from cache import policy
from cache.errors import CacheClosed, InsufficientRoom, TooManyWaiting
from cache.events import Cause, LoadFailed, LoadFinished, LoadStarted, Observer, Outcome, Removed
from cache.flight import Flight
from cache.ledger import Departed, Entry, Ledger, State, Totals
from cache.policy import Limits
from cache.ports import Clock, Key, L, Loader, Terms
from cache.queue import RoomQueue


@dataclass(frozen=True, slots=True)
class Lease(Generic[L]):
    """One caller's hold on a resident."""

    key: Key
    resident: L
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep removed; bytes."""

    expired: tuple[Key, ...]
    evicted: tuple[Key, ...]
    freed: int


class Residency(Generic[L]):
    """Keeps what is asked for resident, within the limits.

    `limits` is asked at every decision. `room_timeout` (seconds) bounds the wait for room,
    `max_waiting` how many callers may wait for a load at once.
    """

    def __init__(
        self,
        loader: Loader[L],
        clock: Clock,
        limits: Callable[[], Limits],
        observe: Observer,
        *,
        room_timeout: float = 30.0,
        max_waiting: int = 256,
    ) -> None:
        self._loader = loader
        self._clock = clock
        self._limits = limits
        self._observe = observe
        self._room_timeout = room_timeout
        self._max_waiting = max_waiting
        self._ledger = Ledger()
        self._queue = RoomQueue(self._ledger, clock, limits, self._drain, room_timeout)
        self._loaded: dict[Key, L] = {}
        self._flights: dict[Key, Flight[L]] = {}
        self._loads: dict[Key, asyncio.Task[None]] = {}
        self._departures: dict[Key, asyncio.Future[Departed]] = {}
        self._watches: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.fault: BaseException | None = None
        """Why a background task failed; after that the cache is not to be trusted."""

    @asynccontextmanager
    async def lease(self, key: Key) -> AsyncIterator[Lease[L]]:
        """Hold `key` resident for as long as the context lasts, loading it first if need be.

        Raises what the loader raises, `InsufficientRoom`, `TooManyWaiting` or `CacheClosed`.
        """
        lease = await self._acquire(key)
        try:
            yield lease
        finally:
            self._release(key)

    async def unload(self, key: Key) -> int:
        """Remove `key` once its leases have ended; the bytes it freed, 0 if it was absent."""
        flight = self._flights.get(key)
        if flight is not None:
            await flight.over()
        entry = self._ledger.get(key)
        if entry is not None and entry.state is State.RESIDENT:
            self._drain(key, Cause.UNLOADED)
        departure = self._departures.get(key)
        return (await asyncio.shield(departure)).freed if departure else 0

    def discard(self, lease: Lease[L]) -> None:
        """Remove a resident that turned out to be broken; a newer one in its place stays."""
        self._drop_if_current(lease.key, lease.resident)

    def pin(self, key: Key, *, pinned: bool) -> None:
        """Keep a key that is not absent from being a victim, or no longer."""
        self._ledger.pin(key, pinned=pinned)
        self._queue.pump()

    def is_resident(self, key: Key) -> bool:
        """Would a lease be a hit?"""
        entry = self._ledger.get(key)
        return entry is not None and entry.state is State.RESIDENT

    def entries(self) -> tuple[Entry, ...]:
        return self._ledger.entries()

    def entry(self, key: Key) -> Entry | None:
        return self._ledger.get(key)

    def resident(self, key: Key) -> L | None:
        """The live resident, without a lease: to look at, not to use."""
        return self._loaded.get(key)

    def residents(self) -> tuple[L, ...]:
        """All that is live, what drains included."""
        return tuple(self._loaded.values())

    def totals(self) -> Totals:
        return self._ledger.totals()

    @property
    def waiting(self) -> int:
        """Callers who wait for a load."""
        return sum(flight.waiting for flight in self._flights.values())

    def next_expiry(self) -> float | None:
        """When the next idle resident is as old as its TTL; monotonic seconds."""
        return min(
            (at for e in self.entries() if (at := policy.expiry(e)) is not None), default=None
        )

    async def measure(self, key: Key) -> None:
        """Correct what `key` is charged to what it holds now, and evict what is too much then."""
        await self._correct(key)
        self.relieve()

    def relieve(self) -> None:
        """Call when the limits have changed: evict what is above the budget, let in what fits."""
        for key in policy.surplus(self.entries(), self._limits().budget):
            self._drain(key, Cause.EVICTED)
        self._queue.pump()

    async def sweep(self) -> Sweep:
        """Measure what is resident, remove what is expired and what is above the comfort mark."""
        for key in tuple(self._loaded):
            await self._correct(key)
        now = self._clock.monotonic()
        expired = policy.expired(self.entries(), now)
        for key in expired:
            self._drain(key, Cause.EXPIRED)
        evicted = policy.surplus(self.entries(), self._limits().comfort)
        for key in evicted:
            self._drain(key, Cause.EVICTED)
        leaving = [asyncio.shield(self._departures[key]) for key in (*expired, *evicted)]
        self._queue.pump()
        return Sweep(expired, evicted, sum(gone.freed for gone in await asyncio.gather(*leaving)))

    async def aclose(self) -> None:
        """Call off what is under way and remove every resident, leased or not."""
        self._closing = True
        for key in tuple(self._flights):
            self._call_off(key)
        for entry in self.entries():
            if entry.state is State.RESIDENT:
                self._drain(entry.key, Cause.CLOSED)
        for watch in self._watches:
            watch.cancel()
        for loaded in self._loaded.values():
            self._spawn(loaded.close())
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _acquire(self, key: Key) -> Lease[L]:
        if self._closing:
            raise CacheClosed("the service is shutting down")
        if self.is_resident(key):
            self._ledger.lease(key, self._clock.monotonic())
            return Lease(key, self._loaded[key], Outcome.HIT)
        if self.waiting >= self._max_waiting:
            raise TooManyWaiting(
                f"{self._max_waiting} requests wait for models to load already", retry_after=1.0
            )
        flight = self._flights.get(key)
        outcome = Outcome.MISS if flight is None else Outcome.JOIN
        if flight is None:
            flight = self._flights[key] = Flight()
            self._loads[key] = self._spawn(self._fly(key, flight))
        try:
            resident = await flight.wait(give_back=lambda _: self._release(key))
            return Lease(key, resident, outcome)
        except asyncio.CancelledError:
            if self._flights.get(key) is flight and not flight.waiting and not self._begun(key):
                self._call_off(key)
            raise

    def _begun(self, key: Key) -> bool:
        """Is room reserved for `key`? Then its load goes on, whoever goes away."""
        entry = self._ledger.get(key)
        return entry is not None and entry.state is State.LOADING

    def _call_off(self, key: Key) -> None:
        """End the flight of `key` at once; whoever asks from now on starts another."""
        self._loads.pop(key).cancel()
        self._flights.pop(key).fail(CacheClosed("the service is shutting down"))

    def _release(self, key: Key) -> None:
        entry = self._ledger.release(key, self._clock.monotonic())
        if entry.leases:
            return
        if entry.state is State.DRAINING:
            self._spawn(self._unload(key))
        else:
            self._queue.pump()

    async def _fly(self, key: Key, flight: Flight[L]) -> None:
        """Make `key` resident and tell everybody who waits how it went."""
        try:
            resident = await self._load(key)
        except asyncio.CancelledError:
            flight.fail(CacheClosed(f"the load of {key} was called off"))
        except Exception as error:  # noqa: BLE001 - it is raised in every caller who waits
            flight.fail(error)
        else:
            self._land(key, flight, resident)
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key], self._loads[key]
            self._queue.pump()

    def _land(self, key: Key, flight: Flight[L], resident: L) -> None:
        """Record the load and give every caller his lease, in one step."""
        now = self._clock.monotonic()
        self._loaded[key] = resident
        entry = self._ledger.settle(key, resident.footprint, now, leases=flight.waiting)
        flight.land(resident)
        watch = self._spawn(self._watch(key, resident))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        self._observe(LoadFinished(key, now, entry.load_seconds, entry.footprint))
        if self._closing:
            self._drain(key, Cause.CLOSED)
        self.relieve()

    async def _load(self, key: Key) -> L:
        terms = await self._loader.terms(key)
        room = await self._wait_for_room(key, terms)
        try:
            self._observe(LoadStarted(key, room.since, room.charged))
            return await self._loader.load(key)
        except BaseException as error:
            self._ledger.abandon(key)
            words = str(error) or type(error).__name__
            self._observe(LoadFailed(key, self._clock.monotonic(), words))
            raise

    async def _wait_for_room(self, key: Key, terms: Terms) -> Entry:
        """Until the former resident of `key` is gone, and then in the queue."""
        try:
            async with asyncio.timeout(self._room_timeout):
                departure = self._departures.get(key)
                if departure is not None:
                    await asyncio.shield(departure)
                return await self._queue.reserve(key, terms)
        except TimeoutError:
            raise InsufficientRoom(
                f"no room for {key} came free within {self._room_timeout:g} s",
                retry_after=self._room_timeout,
            ) from None

    def _drain(self, key: Key, cause: Cause) -> None:
        """Give no new leases on `key`, and unload it once the last has ended."""
        entry = self._ledger.drain(key, cause)
        self._departures[key] = asyncio.get_running_loop().create_future()
        if not entry.leases:
            self._spawn(self._unload(key))

    async def _unload(self, key: Key) -> None:
        try:
            await self._loaded[key].close()
        except Exception as error:
            self._departures[key].set_exception(error)
            raise
        del self._loaded[key]
        gone = self._ledger.gone(key)
        self._observe(Removed(key, self._clock.monotonic(), gone.cause, gone.freed))
        self._departures.pop(key).set_result(gone)
        self._queue.pump()

    async def _watch(self, key: Key, resident: L) -> None:
        await resident.wait_ended()
        self._drop_if_current(key, resident)

    def _drop_if_current(self, key: Key, resident: L) -> None:
        if self._loaded.get(key) is resident and self.is_resident(key):
            self._drain(key, Cause.FAILED)

    async def _correct(self, key: Key) -> None:
        resident = self._loaded.get(key)
        if resident is None:
            return
        footprint = await resident.measure()
        if self._loaded.get(key) is resident and self.is_resident(key):
            self._ledger.correct(key, footprint)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.fault = error
            task.get_loop().call_exception_handler(
                {"message": "the residency cache failed", "exception": error, "task": task}
            )

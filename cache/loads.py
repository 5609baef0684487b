"""How keys become resident: one load a key, and all who ask meanwhile share its outcome."""

import asyncio
from collections.abc import Callable
from typing import Generic

from cache.entry import Entry, State
from cache.errors import InsufficientRoom
from cache.events import Cause, LoadFailed, LoadFinished, LoadStarted, Observer
from cache.exits import Exits
from cache.flight import Flight
from cache.flights import Flights, called_off
from cache.ledger import Ledger
from cache.policy import Limits, Policy
from cache.ports import Clock, Key, L, Loader, OutOfMemory, Terms
from cache.quarantine import Quarantine
from cache.queue import Fairness, RoomQueue
from cache.tasks import Tasks


class Loads(Generic[L]):
    """Begins flights, lands them, and calls them off.

    `on_landed` is told of each new resident, `release` ends a lease. `pins` are the operator's
    own, which override the loader's terms. `room_timeout` (seconds) bounds the wait for room.
    """

    def __init__(
        self,
        loader: Loader[L],
        ledger: Ledger,
        clock: Clock,
        policy: Policy,
        limits: Callable[[], Limits],
        exits: Exits[L],
        quarantine: Quarantine,
        observe: Observer,
        tasks: Tasks,
        *,
        on_landed: Callable[[Key, L], object],
        release: Callable[[Key], object],
        fairness: Fairness,
        room_timeout: float,
    ) -> None:
        self._loader = loader
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._exits = exits
        self._quarantine = quarantine
        self._observe = observe
        self._tasks = tasks
        self._on_landed = on_landed
        self._release = release
        self._room_timeout = room_timeout
        self.pins: dict[Key, bool] = {}
        self.queue = RoomQueue(
            ledger,
            clock,
            limits,
            policy,
            self._make_room,
            release,
            self._hopeless,
            retry_after=room_timeout,
            fairness=fairness,
        )
        self._flights: Flights[L] = Flights()

    @property
    def waiting(self) -> int:
        """Callers who wait for a load, or for one of those who wait for room before them."""
        return self._flights.waiting

    def to_join(self, key: Key) -> Flight[L] | None:
        """The flight that one who asks for `key` now may join."""
        flight = self._flights.joinable(key)
        if flight is None or not self._flights.has_begun(flight):
            return flight
        return self._flights.joinable(key) if self.queue.may_pass(key) else None

    def under_way(self, key: Key) -> Flight[L] | None:
        """The flight that will make `key` resident next."""
        return self._flights.next(key)

    def start(self, key: Key, turn: int, *, patient: bool) -> Flight[L]:
        """Begin a flight for the caller with the number `turn`."""
        flight: Flight[L] = Flight(key, turn, patient=patient)
        self._flights.add(flight, self._tasks.start(self._fly(flight)))
        return flight

    def joined(self, flight: Flight[L], *, patient: bool) -> None:
        """Somebody more will wait for it."""
        flight.patient = flight.patient or patient
        if self._flights.has_begun(flight):
            self._ledger.want(flight.key, wanted=True)

    def deserted(self, flight: Flight[L]) -> None:
        """Nobody waits any more. What has begun goes on, unless somebody else needs the room."""
        if flight not in self._flights:
            return
        if self._flights.has_begun(flight):
            self._ledger.want(flight.key, wanted=False)
            self.queue.pump()
        else:
            self._flights.call_off(flight)

    def call_off_all(self) -> None:
        self._flights.call_off_all()
        self.queue.close()

    async def _fly(self, flight: Flight[L]) -> None:
        """Make the key resident and tell everybody who waits how it went."""
        try:
            await self._make_resident(flight)
        except asyncio.CancelledError:
            flight.fail(called_off(flight.key))
        except Exception as error:  # noqa: BLE001 - it is raised in every caller who waits
            flight.fail(error)
        finally:
            self._flights.remove(flight)
            self.queue.pump()

    async def _make_resident(self, flight: Flight[L]) -> None:
        key = flight.key
        terms = await self._loader.terms(key)
        self._quarantine.check(key, self._clock.monotonic())
        while (entry := await self._wait_for_room(flight, terms)).state is not State.LOADING:
            if self._share(flight):
                return
        self._flights.begin(flight)
        pinned = self.pins.get(key, terms.pinned)
        if pinned is not terms.pinned:
            self._ledger.pin(key, pinned=pinned)
            self.queue.pump()
        try:
            self._observe(LoadStarted(key, entry.since, entry.charged))
            resident = await self._load(flight)
        except BaseException as error:
            self._failed(key, error)
            raise
        finally:
            self._flights.loaded(flight)
        self._land(flight, resident)

    def _hopeless(self, key: Key) -> BaseException | None:
        """Why `key` is not to be waited for any more: also a load of it may have failed since."""
        return self._exits.stuck(key) or self._quarantine.why(key, self._clock.monotonic())

    async def _wait_for_room(self, flight: Flight[L], terms: Terms) -> Entry:
        """A reservation, or a lease where the key is resident when the turn comes."""
        key = flight.key
        try:
            async with asyncio.timeout(self._room_timeout):
                return await self.queue.reserve(key, terms, flight.turn, lambda: flight.patient)
        except TimeoutError:
            raise InsufficientRoom(
                f"no room for {key} came free within {self._room_timeout:g} s",
                retry_after=self._room_timeout,
            ) from None

    async def _load(self, flight: Flight[L]) -> L:
        """Where memory runs out, once more without all that may go."""
        key = flight.key
        try:
            return await self._loader.load(key)
        except OutOfMemory:
            if not flight.patient or not await self._evict_all(key):
                raise
        return await self._loader.load(key)

    async def _evict_all(self, key: Key) -> bool:
        """Evict what may go, for `key`. Returns once it has, and whether there was anything.

        What leaves under a lease is not waited for: nobody knows how long it is held.
        """
        candidates = self._policy.candidates(self._ledger.entries(), self._clock.monotonic())
        self._make_room(tuple(e.key for e in candidates if e.key != key), key)
        others = (e.key for e in self._ledger.entries() if e.key != key and not e.leases)
        leaving = self._exits.departures(*others)
        await asyncio.gather(*leaving, return_exceptions=True)
        return bool(leaving)

    def _make_room(self, victims: tuple[Key, ...], room_for: Key) -> None:
        for key in victims:
            self.expel(key, room_for)
        self._exits.reclassify()

    def expel(self, key: Key, room_for: Key | None) -> None:
        """Evict a resident, or give up a load that nobody waits for."""
        flight = self._flights.begun(key)
        if flight is None:
            self._exits.drain(key, Cause.EVICTED, room_for)
        else:
            self._exits.drain(key, Cause.ABANDONED, room_for)
            self._flights.call_off(flight)

    def _failed(self, key: Key, error: BaseException) -> None:
        """Write the load off; `error` is held against the key unless it was called off."""
        now = self._clock.monotonic()
        entry = self._ledger.get(key)
        if entry is not None and entry.state is State.DRAINING:
            self._exits.left(key)
            return
        self._ledger.abandon(key)
        words = str(error) or type(error).__name__
        rest = 0.0
        if isinstance(error, Exception):
            rest = self._quarantine.failed(key, words, now).until - now
        self._observe(LoadFailed(key, now, words, rest))

    def _land(self, flight: Flight[L], resident: L) -> None:
        """Record the load and give every caller his lease, in one step."""
        key, now = flight.key, self._clock.monotonic()
        self._exits.loaded[key] = resident
        entry = self._ledger.get(key)
        if entry is not None and entry.state is State.DRAINING:
            self._exits.released(key)
            return
        entry = self._ledger.settle(
            key,
            resident.footprint,
            now,
            leases=flight.waiting,
            device_footprint=resident.device_footprint,
        )
        flight.land(resident)
        self._quarantine.forgive(key)
        self._observe(LoadFinished(key, now, entry.load_seconds, entry.footprint))
        self._exits.reclassify()
        self._on_landed(key, resident)

    def _share(self, flight: Flight[L]) -> bool:
        """Give every caller a lease on what is resident already; False if it leaves by now.

        The queue has taken one lease for the flight.
        """
        key, now = flight.key, self._clock.monotonic()
        entry = self._ledger.get(key)
        stays = entry is not None and entry.state is State.RESIDENT
        if stays and flight.waiting:
            for _ in range(flight.waiting - 1):
                self._ledger.lease(key, now)
            flight.loaded = False
            flight.land(self._exits.loaded[key])
        else:
            self._release(key)
        return stays

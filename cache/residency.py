"""Residency: leases on things that must be loaded before they can be used.

The shell around the pure core: it reads the clock once an operation, asks `policy`, writes the
answer into the `ledger` with no `await` in between, and then does what it was told. On one
event loop that needs no lock. `loads` brings residents in, `exits` lets them go, `queue` has
those who wait for room.
"""

from asyncio import CancelledError, Task, gather
from collections.abc import Callable
from dataclasses import replace
from typing import Generic

from cache import lifetimes, ranking
from cache.entry import Entry, State, Totals
from cache.errors import CacheClosed, TooManyWaiting
from cache.events import Cause, Observer, Outcome, Refreshed
from cache.exits import Exits
from cache.leasing import Lease, Leasing
from cache.ledger import Ledger
from cache.loads import Loads
from cache.policy import Limits, Verdict
from cache.ports import Clock, Key, L, Loader
from cache.prospects import Plan, Sweep, behind, outgoing
from cache.quarantine import Quarantine, Suspension
from cache.ranking import Standing
from cache.rules import Rules
from cache.tasks import Tasks


class Residency(Generic[L]):
    """Keeps what is asked for resident, within the limits. `limits` is asked at every decision."""

    def __init__(
        self,
        loader: Loader[L],
        clock: Clock,
        limits: Callable[[], Limits],
        observe: Observer,
        rules: Rules | None = None,
    ) -> None:
        rules = rules or Rules()
        self._loader = loader
        self._clock = clock
        self._limits = limits
        self._observe = observe
        self._rules = rules
        self._ledger = Ledger(rules.policy.score, rules.half_life)
        self._tasks = Tasks()
        self._quarantine = Quarantine(rules.backoff)
        self._exits: Exits[L] = Exits(
            self._ledger, clock, rules.policy, observe, self._tasks, self._pump
        )
        self._loads: Loads[L] = Loads(
            loader,
            self._ledger,
            clock,
            rules.policy,
            limits,
            self._exits,
            self._quarantine,
            observe,
            self._tasks,
            on_landed=self._landed,
            release=self._release,
            fairness=rules.fairness,
            room_timeout=rules.room_timeout,
        )
        self._queue = self._loads.queue
        self._watches: set[Task[None]] = set()
        self._turns = 0
        self._closing = False

    @property
    def fault(self) -> BaseException | None:
        """Why a background task failed; after that the cache is not to be trusted."""
        return self._tasks.fault

    def lease(
        self, key: Key, *, keep_alive: float | None = None, patient: bool = True
    ) -> Leasing[L]:
        """Hold `key` resident for as long as the context lasts, loading it first if need be.

        `keep_alive` (seconds) is how long it may be idle afterwards, 0 to unload it then, infinity
        to let it never expire; None leaves what holds already. One who is not `patient` takes
        room that is free, and neither waits for it nor evicts anybody.

        Raises what the loader raises, `InsufficientRoom`, `TooManyWaiting`, `Quarantined` or
        `CacheClosed`.
        """
        return Leasing(lambda: self._acquire(key, keep_alive, patient=patient), self._release)

    def keep(self, key: Key, keep_alive: float) -> None:
        """As a lease with `keep_alive` that ends at once; what is not resident is not loaded."""
        if self.is_resident(key):
            self._ledger.lease(key, self._clock.monotonic())
            self._ledger.keep(key, keep_alive)
            self._release(key)

    async def unload(self, key: Key) -> int:
        """Remove `key` once its leases have ended; the bytes it freed, 0 if it was absent."""
        flight = self._loads.under_way(key)
        if flight is not None:
            await flight.over()
        self.retire(key, Cause.UNLOADED)
        return sum([(await gone).freed for gone in self._exits.departures(key)])

    def retire(self, key: Key, cause: Cause) -> None:
        """Let a resident go once its leases have ended; what is not resident stays as it is."""
        if self.is_resident(key):
            self._exits.drain(key, cause)

    def succeed(self, old: Key, new: Key) -> None:
        """Let a resident take over what `old` has earned, which goes once its leases have ended."""
        if self.is_resident(old) and self.is_resident(new):
            self._ledger.inherit(new, of=old)
            self._exits.drain(old, Cause.REPLACED)

    def discard(self, lease: Lease[L]) -> None:
        """Remove a resident that turned out to be broken; a newer one in its place stays."""
        self._drop_if_current(lease.key, lease.resident)

    def pin(self, key: Key, *, pinned: bool) -> None:
        """Keep `key` from being a victim, or no longer; holds for later loads as well."""
        self._loads.pins[key] = pinned
        if self._ledger.get(key) is not None:
            self._ledger.pin(key, pinned=pinned)
            self._pump()

    def forgive(self, key: Key) -> None:
        """End the quarantine of `key`."""
        self._quarantine.forgive(key)

    def suspension(self, key: Key) -> Suspension | None:
        """What is held against `key` since it failed to load."""
        return self._quarantine.get(key)

    def is_resident(self, key: Key) -> bool:
        """Would a lease be a hit?"""
        entry = self._ledger.get(key)
        return entry is not None and entry.state is State.RESIDENT

    def is_pinned(self, key: Key) -> bool | None:
        """None for what is absent, and was neither pinned nor unpinned here."""
        entry = self._ledger.get(key)
        return self._loads.pins.get(key) if entry is None else entry.pinned

    def entries(self) -> tuple[Entry, ...]:
        return self._ledger.entries()

    def entry(self, key: Key) -> Entry | None:
        return self._ledger.get(key)

    def resident(self, key: Key) -> L | None:
        """The live resident, without a lease: to look at, not to use."""
        return self._exits.loaded.get(key)

    def residents(self) -> tuple[L, ...]:
        """All that is live, what drains included."""
        return tuple(self._exits.loaded.values())

    def totals(self) -> Totals:
        return self._ledger.totals()

    def standings(self) -> tuple[Standing, ...]:
        """All residents, first to go first."""
        policy, now = self._rules.policy, self._clock.monotonic()
        return ranking.standings(self.entries(), now, policy.churn_guard)

    async def plan(self, key: Key) -> Plan:
        """What a load of `key` would come to; nothing is done."""
        terms = await self._loader.terms(key)
        terms = replace(terms, pinned=self._loads.pins.get(key, terms.pinned))
        limits, now = self._limits(), self._clock.monotonic()
        verdict: Verdict | None = None
        if self._ledger.get(key) is None:
            admission = self._rules.policy.admit(self.entries(), terms, limits, now)
            verdict = behind(self._queue.keys(), admission)
        return Plan(terms, verdict, limits, self.totals().charged, self.standings())

    def outgoing(self) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
        """What a sweep would remove now: the expired, then those above the comfort mark."""
        now = self._clock.monotonic()
        return outgoing(self.entries(), self._limits(), self._rules.policy, now)

    @property
    def waiting(self) -> int:
        """Callers who wait for a load."""
        return self._loads.waiting

    def next_expiry(self) -> float | None:
        """When the next idle resident's time runs out; monotonic seconds."""
        return lifetimes.next_expiry(self.entries())

    def next_refresh(self) -> float | None:
        """When the next resident in use is to be refreshed; monotonic seconds."""
        return lifetimes.next_refresh(self.entries(), self._rules.refresh_ahead)

    def begin_refreshes(self) -> tuple[Key, ...]:
        """What is to be refreshed now. None of it expires until `refreshed` is called."""
        now = self._clock.monotonic()
        due = lifetimes.due(self.entries(), now, self._rules.refresh_ahead)
        for key in due:
            self._ledger.begin_refresh(key)
        return due

    def refreshed(self, key: Key, *, in_order: bool = True) -> None:
        """Let the TTL of a resident begin again, found `in_order` or merely kept for longer."""
        if not self.is_resident(key):
            return
        now = self._clock.monotonic()
        self._ledger.refresh(key, now)
        if in_order:
            self._observe(Refreshed(key, now))

    async def measure(self, key: Key) -> None:
        """Correct what `key` is charged to what it holds now, and evict what is too much then."""
        await self._correct(key)
        self.relieve()

    def relieve(self) -> None:
        """Call when the limits have changed: evict what is above the budget, let in what fits."""
        now = self._clock.monotonic()
        for key in self._rules.policy.surplus(self.entries(), self._limits(), now):
            self._loads.expel(key, room_for=None)
        self._pump()

    async def sweep(self) -> Sweep:
        """Measure what is resident, remove what is expired and what is above the comfort mark."""
        for key in tuple(self._exits.loaded):
            await self._correct(key)
        self._exits.reclassify()
        expired, evicted = self.outgoing()
        for key in expired:
            self._exits.drain(key, Cause.EXPIRED)
        for key in evicted:
            self._loads.expel(key, room_for=None)
        leaving = self._exits.departures(*expired, *evicted)
        self._pump()
        return Sweep(expired, evicted, sum(gone.freed for gone in await gather(*leaving)))

    async def aclose(self) -> None:
        """Call off what is under way and remove every resident, leased or not."""
        self._closing = True
        self._loads.call_off_all()
        for entry in self.entries():
            self.retire(entry.key, Cause.CLOSED)
        for watch in self._watches:
            watch.cancel()
        for loaded in self._exits.loaded.values():
            self._tasks.start(loaded.close())
        await self._tasks.ended()

    async def _acquire(self, key: Key, keep_alive: float | None, *, patient: bool) -> Lease[L]:
        lease = self._at_once(key) or await self._wait(key, patient=patient)
        if keep_alive is not None:
            self._ledger.keep(key, keep_alive)
        return lease

    def _at_once(self, key: Key) -> Lease[L] | None:
        if self._closing:
            raise CacheClosed("the service is shutting down")
        self._turns += 1
        if self.is_resident(key) and self._queue.may_pass(key) and self.is_resident(key):
            self._ledger.lease(key, self._clock.monotonic())
            return Lease(key, self._exits.loaded[key], Outcome.HIT)
        return None

    async def _wait(self, key: Key, *, patient: bool) -> Lease[L]:
        if self.waiting >= self._rules.max_waiting:
            raise TooManyWaiting(
                f"{self._rules.max_waiting} requests wait for models to load already",
                retry_after=1.0,
            )
        flight, outcome = self._loads.to_join(key), Outcome.JOIN
        if flight is None:
            flight, outcome = self._loads.start(key, self._turns, patient=patient), Outcome.MISS
        else:
            self._loads.joined(flight, patient=patient)
        try:
            resident = await flight.wait(give_back=lambda _: self._release(key))
        except CancelledError:
            if not flight.waiting:
                self._loads.deserted(flight)
            raise
        return Lease(key, resident, outcome if flight.loaded else Outcome.HIT)

    def _release(self, key: Key) -> None:
        entry = self._ledger.release(key, self._clock.monotonic())
        if not entry.leases and entry.state is State.DRAINING:
            self._exits.released(key)
        elif not entry.leases and entry.keep_alive == 0 and not entry.pinned:
            self._exits.drain(key, Cause.UNLOADED)
        else:
            self._pump()

    def _landed(self, key: Key, resident: L) -> None:
        watch = self._tasks.start(self._watch(key, resident))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)
        if self._closing:
            self._exits.drain(key, Cause.CLOSED)
        self.relieve()

    async def _watch(self, key: Key, resident: L) -> None:
        await resident.wait_ended()
        self._drop_if_current(key, resident)

    def _drop_if_current(self, key: Key, resident: L) -> None:
        if self._exits.loaded.get(key) is resident:
            self.retire(key, Cause.FAILED)

    async def _correct(self, key: Key) -> None:
        resident = self._exits.loaded.get(key)
        if resident is None:
            return
        footprint = await resident.measure()
        if self._exits.loaded.get(key) is resident and self.is_resident(key):
            self._ledger.correct(key, footprint, resident.device_footprint)
            self._pump()

    def _pump(self) -> None:
        self._queue.pump()

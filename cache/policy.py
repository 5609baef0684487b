"""Who may come in, and who has to go for it. Pure: the book and the time in, a decision out.

`ranking` says in which order residents would go. Here it is decided how many of them have to.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from cache.entry import Entry, State
from cache.ports import HOST, Key, Terms
from cache.ranking import Hold, hold, order, young_until
from cache.scores import Scorer, gdsf


@dataclass(frozen=True, slots=True)
class Limits:
    """What residents may use. `budget` is hard, in bytes; above `comfort` idle ones are evicted.

    `ceiling` is what `budget` may come back to when it is low for a time, None if it is not.
    `devices` is the hard budget of each device's own memory, and `max_loads` how many loads may
    be under way at once. While there is work for so many `cores`, loads that cost others their
    place can wait.
    """

    budget: int
    comfort: int
    max_entries: int
    max_loads: int = 1 << 30
    ceiling: int | None = None
    devices: Mapping[str, int] = field(default_factory=dict)
    cores: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Admit:
    """There is room now: reserve and load."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: drain `victims` (none to drain while others leave already), then ask again.

    `blockers` are the keys that are held in place. At `again` (monotonic seconds) it may be
    different even if nothing happens. `closed` are residents that have to go for one who has
    waited too long: they get no new leases until then.
    """

    victims: tuple[Key, ...] = ()
    blockers: tuple[Key, ...] = ()
    again: float | None = None
    closed: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Refuse:
    """It can never fit beside what is pinned."""

    reason: str


Verdict = Admit | Wait | Refuse


@dataclass(frozen=True, slots=True)
class _Need:
    """Bytes and places that have yet to come free."""

    size: int
    places: int
    device: str = HOST
    device_size: int = 0

    @property
    def met(self) -> bool:
        return self.size <= 0 and self.places <= 0 and self.device_size <= 0

    @property
    def left(self) -> tuple[int, int, int]:
        """What has yet to come free, of each kind."""
        return max(self.size, 0), max(self.places, 0), max(self.device_size, 0)

    def less(self, entry: Entry, times: int = 1) -> "_Need":
        """What is left of it once `entry` is gone (`times` -1: if it stays after all)."""
        here = entry.device_charged if entry.device == self.device else 0
        return _Need(
            self.size - times * entry.charged,
            self.places - times,
            self.device,
            self.device_size - times * here,
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules: how residents are scored, and for how long (seconds) a new one is safe."""

    score: Scorer = gdsf
    churn_guard: float = 2.0

    def admit(
        self,
        entries: Iterable[Entry],
        terms: Terms,
        limits: Limits,
        now: float,
        *,
        starved: bool = False,
    ) -> Verdict:
        """May a newcomer be loaded beside `entries`? One who is `starved` has waited too long."""
        entries = tuple(entries)
        refusal = _refusal(entries, terms, limits)
        if refusal is not None:
            return refusal
        need = _shortage(entries, terms, limits)
        resident = State.RESIDENT
        others = [e for e in entries if e.state is not resident]
        loading = [e for e in others if e.state is State.LOADING]
        if need.met and len(loading) < limits.max_loads:
            return Admit()
        for entry in others:
            if entry.state is State.DRAINING:
                need = need.less(entry)
        if need.met:
            return _wait_for_loads(loading, limits)
        ranked = order(entries, now)
        victims, enough = _choose((e for e in ranked if hold(e, now, 0.0) is None), [need])
        if enough:
            return self._unless_young(victims, now, 0.0 if starved else self.churn_guard)
        return self._wait(entries, need, now, starved=starved)

    def surplus(self, entries: Iterable[Entry], limits: Limits, now: float) -> tuple[Key, ...]:
        """Idle residents to evict, in rank order, until the budgets hold.

        What is leaving already counts as gone. Where even all idle ones are not enough, all go.
        """
        staying = [e for e in entries if e.state is not State.DRAINING]
        needs = _excess(staying, limits)
        if _met(needs):
            return ()
        chosen, _ = _choose(self.candidates(staying, now), needs)
        return tuple(e.key for e in chosen)

    def candidates(self, entries: Collection[Entry], now: float) -> list[Entry]:
        """What may go now, first to go first, the young included: memory does not wait."""
        return [e for e in order(entries, now) if hold(e, now, 0.0) is None]

    def _unless_young(self, victims: tuple[Entry, ...], now: float, guard: float) -> Wait:
        """Drain them; but wait for one that is young, rather than let a better one go."""
        young = [e for e in victims if hold(e, now, guard) is Hold.YOUNG]
        if not young:
            return Wait(tuple(e.key for e in victims))
        again = max(young_until(e, guard) for e in young)
        return Wait(blockers=tuple(e.key for e in young), again=again)

    def _wait(
        self,
        entries: tuple[Entry, ...],
        need: _Need,
        now: float,
        *,
        starved: bool,
    ) -> Wait:
        """Those who may go are not enough: who is in the way, and who gets no new leases."""
        held = {e.key: hold(e, now, 0.0) for e in entries}
        blockers = tuple(
            k for k, why in held.items() if why not in (None, Hold.PINNED, Hold.LEAVING)
        )
        closed: frozenset[Key] = frozenset()
        if starved:
            loading = [e for e in entries if held[e.key] is Hold.LOADING and not e.pinned]
            ranked = order(entries, now)
            movable = sorted((e for e in ranked if not e.pinned), key=lambda e: e.leases > 0)
            chosen, enough = _choose([*movable, *loading], [need])
            closed = frozenset(e.key for e in chosen if enough)
        return Wait(blockers=blockers, closed=closed)


def _wait_for_loads(loading: list[Entry], limits: Limits) -> Wait:
    """There will be room; where too many load, one that nobody waits for has to stop."""
    if len(loading) < limits.max_loads:
        return Wait()
    given_up = tuple(e.key for e in loading if not (e.wanted or e.pinned))
    return Wait(given_up[:1], tuple(e.key for e in loading))


def _refusal(entries: Collection[Entry], terms: Terms, limits: Limits) -> Refuse | None:
    pinned = [e for e in entries if e.pinned and e.state is not State.DRAINING]
    beside = " beside what is pinned" if pinned else ""
    ceiling = limits.budget if limits.ceiling is None else max(limits.ceiling, limits.budget)
    room = ceiling - sum(e.charged for e in pinned)
    if terms.size_estimate > room:
        needs, had = _mb(terms.size_estimate), _mb(max(room, 0))
        return Refuse(f"it needs {needs} and at most {had} can be had{beside}")
    if terms.device_estimate:
        here = sum(e.device_charged for e in pinned if e.device == terms.device)
        room = limits.devices.get(terms.device, 0) - here
        if terms.device_estimate > room:
            needs, had = _mb(terms.device_estimate), _mb(max(room, 0))
            on = f"of {terms.device}"
            return Refuse(f"it needs {needs} {on} and at most {had} can be had{beside}")
    if len(pinned) >= limits.max_entries:
        return Refuse(f"all {limits.max_entries} places are pinned")
    return None


def _shortage(entries: Collection[Entry], terms: Terms, limits: Limits) -> _Need:
    """What is missing for a newcomer."""
    device, device_size = terms.device, 0
    if terms.device_estimate:
        here = sum(e.device_charged for e in entries if e.device == device)
        device_size = terms.device_estimate + here - limits.devices.get(device, 0)
    size = terms.size_estimate + sum([e.charged for e in entries]) - limits.budget
    return _Need(size, len(entries) + 1 - limits.max_entries, device, device_size)


def _excess(staying: Collection[Entry], limits: Limits) -> list[_Need]:
    """What is too much at the moment, of the host's memory and of each device's."""
    needs = [_Need(sum(e.charged for e in staying) - limits.budget, 0)]
    for device in sorted({e.device for e in staying} - {HOST}):
        here = sum(e.device_charged for e in staying if e.device == device)
        needs.append(_Need(0, 0, device, here - limits.devices.get(device, 0)))
    return needs


def _choose(ranked: Iterable[Entry], needs: list[_Need]) -> tuple[tuple[Entry, ...], bool]:
    """Entries of `ranked` to meet `needs`, no more than it takes; and whether they do.

    Taken in order until all is met, then whoever makes no difference is given back, the last to
    go first.
    """
    chosen: list[Entry] = []
    for entry in ranked:
        if _met(needs):
            break
        chosen.append(entry)
        needs = [need.less(entry) for need in needs]
    for entry in reversed(tuple(chosen)):
        without = [need.less(entry, times=-1) for need in needs]
        if [need.left for need in without] == [need.left for need in needs]:
            chosen.remove(entry)
            needs = without
    return tuple(chosen), _met(needs)


def _met(needs: Iterable[_Need]) -> bool:
    return all(need.met for need in needs)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

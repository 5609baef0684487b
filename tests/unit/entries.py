"""Entries as a test needs them, and the strategies that draw them."""

from hypothesis import strategies as st

from cache.entry import Entry, State
from cache.events import Cause
from cache.ports import HOST, Key, Priority


def entry(
    key: Key,
    size: int = 10,
    *,
    state: State = State.RESIDENT,
    used: float = 0.0,
    priority: Priority = Priority.MEDIUM,
    fixed: bool = False,
    ttl: float | None = None,
    keep_alive: float | None = None,
    pinned: bool = False,
    leases: int = 0,
    landed: float = 0.0,
    load_seconds: float = 0.0,
    frequency: float = 0.0,
    floor: float = 0.0,
    score: float | None = None,
    asked: int = 0,
    refreshing: bool = False,
    wanted: bool = True,
    device: str = HOST,
    device_size: int = 0,
) -> Entry:
    """A resident of 10 bytes, loaded at 100 s, unless it is said otherwise.

    It is worth what least recently used makes of it.
    """
    return Entry(
        key=key,
        state=state,
        charged=size,
        footprint=0 if state is State.LOADING else size,
        priority=priority,
        fixed=fixed,
        ttl=ttl,
        keep_alive=keep_alive,
        pinned=pinned,
        since=100.0,
        landed=landed,
        load_seconds=load_seconds,
        cost=load_seconds,
        last_used=used,
        leases=leases,
        asked=asked,
        frequency=frequency,
        floor=floor,
        score=used if score is None else score,
        refreshing=refreshing,
        wanted=wanted,
        device=device,
        device_charged=device_size,
        cause=Cause.EVICTED if state is State.DRAINING else None,
    )


@st.composite
def books(draw: st.DrawFn, most: int = 8, devices: tuple[str, ...] = (HOST,)) -> list[Entry]:
    """Up to `most` entries in every state, as a ledger could hold them."""
    names = "abcdefghijklmnopqrstuvwxyz"[: draw(st.integers(0, most))]
    return [draw(_entries(name, devices)) for name in names]


@st.composite
def _entries(draw: st.DrawFn, key: Key, devices: tuple[str, ...]) -> Entry:
    state = draw(st.sampled_from([State.RESIDENT] * 4 + [State.LOADING, State.DRAINING]))
    resident = state is State.RESIDENT
    device = draw(st.sampled_from(devices))
    return entry(
        key,
        draw(st.integers(0, 12)),
        state=state,
        used=draw(st.integers(0, 5)),
        priority=draw(st.sampled_from(Priority)),
        fixed=draw(st.booleans()),
        ttl=draw(st.none() | st.sampled_from([0.0, 10.0, 20.0])),
        pinned=draw(st.sampled_from([False, False, False, True])),
        leases=draw(st.integers(0, 1)) if resident else 0,
        landed=draw(st.sampled_from([90.0, 109.0])),
        load_seconds=draw(st.sampled_from([0.0, 0.25, 1.0])),
        frequency=draw(st.integers(0, 4)),
        asked=draw(st.integers(0, 1)),
        wanted=draw(st.booleans()) if state is State.LOADING else True,
        device=device,
        device_size=draw(st.integers(0, 6)) if device != HOST else 0,
    )

"""What the residency says of loads and sweeps: values, of what would be or has been done."""

from dataclasses import dataclass, replace

from cache import lifetimes
from cache.entry import Entry
from cache.policy import Admit, Limits, Policy, Verdict, Wait
from cache.ports import Key, Terms
from cache.ranking import Standing


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep removed; bytes."""

    expired: tuple[Key, ...]
    evicted: tuple[Key, ...]
    freed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load would come to at this moment: what it asks for, and the verdict.

    `verdict` is None for what is not absent; behind others who wait for room it is to wait for
    these. `standings` are all residents, first to go first.
    """

    terms: Terms
    verdict: Verdict | None
    limits: Limits
    charged: int
    standings: tuple[Standing, ...]


def behind(others: tuple[Key, ...], verdict: Verdict) -> Verdict:
    """The verdict for one who comes behind `others` who wait for room."""
    if others and isinstance(verdict, Wait):
        return Wait(blockers=others + verdict.blockers, again=verdict.again)
    if others and isinstance(verdict, Admit):
        return Wait(blockers=others)
    return verdict


def outgoing(
    entries: tuple[Entry, ...], limits: Limits, policy: Policy, now: float
) -> tuple[tuple[Key, ...], tuple[Key, ...]]:
    """What a sweep removes: the expired, then of the rest those above the comfort mark."""
    expired = lifetimes.expired(entries, now)
    staying = tuple(entry for entry in entries if entry.key not in expired)
    comfort = replace(limits, budget=limits.comfort)
    return expired, policy.surplus(staying, comfort, now)

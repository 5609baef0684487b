"""One trace under many budgets and policies, and what follows from that."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TypeVar

from whatif.replay import Outcome, replay
from whatif.rivals import CONTENDERS
from whatif.trace import Trace

ENOUGH = 0.95
"""Of the load seconds that the best replay saves: who saves as much is good enough."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a policy made of the trace within a budget (bytes)."""

    policy: str
    budget: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The cell that is recommended, and why in one sentence."""

    cell: Cell
    reason: str


def budget_range(trace: Trace, count: int = 10) -> tuple[int, ...]:
    """From what the largest thing needs, or a tenth of all bytes, up to all bytes, evenly."""
    low, high = max(trace.largest, trace.bytes // count), trace.bytes
    steps = max(count - 1, 1)
    return tuple(sorted({low + (high - low) * step // steps for step in range(steps + 1)}))


def judge(trace: Trace, policy: str, budget: int, max_entries: int) -> Cell:
    """One replay, as the contender of that name runs it."""
    contender = CONTENDERS[policy]
    outcome = replay(
        trace,
        contender.scorer(trace),
        budget,
        max_entries=max_entries,
        classed=contender.offered,
    )
    return Cell(policy, budget, outcome)


def study(
    trace: Trace,
    policies: Sequence[str],
    budgets: Sequence[int],
    *,
    max_entries: int,
    workers: int,
    progress: Callable[[int, int], None],
) -> tuple[Cell, ...]:
    """Every policy within every budget; `progress` is told how many of how many are done."""
    jobs = [(trace, policy, budget, max_entries) for policy in policies for budget in budgets]
    cells = []
    for done, cell in enumerate(spread(judge, jobs, workers), start=1):
        cells.append(cell)
        progress(done, len(jobs))
    return tuple(sorted(cells, key=lambda c: (policies.index(c.policy), c.budget)))


T = TypeVar("T")


def spread(work: Callable[..., T], jobs: Iterable[tuple[object, ...]], workers: int) -> Iterator[T]:
    """What `work` makes of each job's arguments, in any order, in so many processes."""
    if workers == 1:
        for job in jobs:
            yield work(*job)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(work, *job) for job in jobs]):
            yield future.result()


def recommend(cells: Iterable[Cell], uncached: float) -> Recommendation | None:
    """The smallest budget that saves 95 % of what can be saved, and the policy that does it.

    Saved is what is loaded less than with no cache at all, which takes `uncached` load seconds.
    Only policies the service offers count, and budgets that refuse nobody; None if none is left.
    """
    real = [c for c in cells if CONTENDERS[c.policy].offered and not c.outcome.refused]
    if not real:
        return None
    best = min(real, key=lambda c: (c.outcome.load_seconds, c.budget))
    most = uncached - ENOUGH * (uncached - best.outcome.load_seconds)
    enough = [c for c in real if c is best or c.outcome.load_seconds <= most]
    chosen = min(enough, key=lambda c: (c.budget, c.outcome.load_seconds))
    return Recommendation(chosen, _reason(chosen, best, enough, real))


def _reason(chosen: Cell, best: Cell, enough: list[Cell], real: list[Cell]) -> str:
    mine, least = (c.outcome.load_seconds_per_1000 for c in (chosen, best))
    text = (
        f"{chosen.policy} within {megabytes(chosen.budget)} loads {mine:.1f} s per 1,000 requests"
    )
    if chosen is best:
        text += ", the least of these replays"
    else:
        text += (
            f" and so saves at least {ENOUGH * 100:.0f} % of the load time that the best replay"
            f" saves ({best.policy} within {megabytes(best.budget)}, {least:.1f} s)"
        )
    for other in dict.fromkeys(c.policy for c in real if c.policy != chosen.policy):
        needed = min((c.budget for c in enough if c.policy == other), default=None)
        if needed is None:
            text += f"; {other} comes near that within none of these budgets"
        elif needed > chosen.budget:
            text += f"; {other} needs {megabytes(needed)} for that"
    return text + "."


def megabytes(size: int) -> str:
    """Bytes for people: 10^6 of them are one MB."""
    return f"{size / 1e6:,.0f} MB"

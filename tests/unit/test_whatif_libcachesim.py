"""Our simulator against libCacheSim, which others have checked against published results."""

import math

import pytest

from cache.scores import POLICIES
from tests.unit.libcachesim_counts import CASES, PER_BYTE, Case, measure, zipf
from whatif.replay import one_by_one, replay
from whatif.trace import Trace

BY_NAME = pytest.mark.parametrize(
    "case", CASES, ids=lambda c: f"{c.policy}-{len(c.sizes)}-{c.seed}"
)


@BY_NAME
def test_hits_are_exactly_those_of_libcachesim(case: Case) -> None:
    """Evicting one by one, all leases since the load alike, no classes: to the last hit.

    Fails when the ageing clock stands still (GDSF), when a newcomer is scored by the clock as it
    was before the evictions (GDSF), and when ties go to the most recent one (both).
    """
    trace, budget = zipf(case.sizes, case.seed)
    score = POLICIES[case.policy.lower()]

    outcome = replay(trace, score, budget, half_life=math.inf, choose=one_by_one)

    assert outcome.hits == case.textbook


@BY_NAME
def test_the_recorded_hits_are_what_libcachesim_counts(case: Case) -> None:
    """Fails when a trace is drawn differently than it was when the hits were recorded."""
    pytest.importorskip("libcachesim", reason="pip install --no-deps libcachesim==0.3.5")
    trace, budget = zipf(case.sizes, case.seed)

    assert measure(case.policy, trace, budget, textbook=True) == case.textbook
    assert measure(case.policy, trace, budget, textbook=False) == case.by_get


@pytest.mark.parametrize("case", [c for c in CASES if c.policy == "GDSF"], ids=lambda c: c.textbook)
def test_what_its_own_get_counts_more_is_due_to_newcomers_that_it_turns_away(case: Case) -> None:
    """The same few lines give both counts; only whether the newcomer is weighed too differs.

    A service has to load what is asked for, so it cannot turn it away.
    """
    trace, budget = zipf(case.sizes, case.seed)

    assert plain_gdsf(trace, budget, newcomer_may_go=False) == case.textbook
    assert plain_gdsf(trace, budget, newcomer_may_go=True) == case.by_get


def plain_gdsf(trace: Trace, budget: int, *, newcomer_may_go: bool) -> int:
    """Hits of GDSF in the fewest lines; ranks are (score, number of the last access, name)."""
    clock, hits = 0.0, 0
    ranks: dict[str, tuple[float, int, str]] = {}
    uses: dict[str, int] = {}
    for number, (_, name) in enumerate(trace.accesses):
        size = trace.things[name].bytes
        here = name in ranks
        hits += here
        uses[name] = uses[name] + 1 if here else 1
        if here or newcomer_may_go:
            ranks[name] = (clock + uses[name] * PER_BYTE / size, number, name)
        room = budget - (0 if name in ranks else size)
        while sum(trace.things[other].bytes for other in ranks) > room:
            clock, _, victim = min(ranks.values())
            del ranks[victim]
        if not here and not newcomer_may_go:
            ranks[name] = (clock + PER_BYTE / size, number, name)
    return hits

"""The stated simulation, and the bars the default policy has to hold in it."""

import math
from collections import Counter
from dataclasses import replace

from whatif.bars import Against, Row, missed, render, row
from whatif.replay import Outcome
from whatif.rivals import CONTENDERS
from whatif.study import judge
from whatif.workloads import MB, SIZES_MB, SPEEDS_MB, STATED, draw, half

BASE, ROTATED, NONE_SLOW = STATED


def outcome(load_seconds: float, hits: int) -> Outcome:
    return Outcome(hits, 100 - hits, 0, load_seconds, 0, 1)


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    """Fails when a global source of chance is used."""
    assert draw(BASE, 1) == draw(BASE, 1) != draw(BASE, 2)


def test_the_models_are_as_stated() -> None:
    """Fails when each model is slow with 12 % chance, rather than 5 of 40."""
    things = draw(BASE, 1).things
    quick = draw(NONE_SLOW, 1).things
    extra = Counter(round(t.load_seconds - quick[n].load_seconds, 6) for n, t in things.items())
    speeds = {t.bytes / MB / (t.load_seconds - 0.15) for t in quick.values()}

    assert extra == {0.0: 35, 3.0: 5}
    assert {t.bytes // MB for t in things.values()} <= set(SIZES_MB)
    assert all(any(math.isclose(speed, known) for known in SPEEDS_MB) for speed in speeds)
    assert half(draw(BASE, 1)) == sum(t.bytes for t in things.values()) // 2


def test_requests_follow_zipf() -> None:
    """The second is asked for 2^-0.9 as often as the first. Fails with another exponent."""
    trace = draw(replace(BASE, requests=100_000), 1)
    counts = sorted(Counter(name for _, name in trace.accesses).values(), reverse=True)

    assert len(trace.accesses) == sum(counts)
    assert math.isclose(counts[1] / counts[0], 2**-0.9, rel_tol=0.05)
    assert math.isclose(counts[9] / counts[0], 10**-0.9, rel_tol=0.1)


def test_popularity_moves_on_by_a_fifth_eight_times() -> None:
    """Fails when it moves seven times, or by one place."""
    popular = draw(BASE, 1).accesses
    moved = draw(ROTATED, 1).accesses
    order = [name for name, _ in Counter(name for _, name in popular).most_common()]
    firsts = [
        Counter(name for _, name in moved[at : at + 1333]).most_common(1)[0][0]
        for at in range(0, 12_000 - 1332, 1333)
    ]

    assert firsts[0] == firsts[5] == order[0]
    assert len(set(firsts)) == 5
    assert len(firsts) == 9


def test_gdsf_holds_the_bar_on_a_short_run() -> None:
    """Fails when `gdsf` forgets the load seconds, or the size. scripts/simulate runs it all."""
    trace = draw(replace(BASE, requests=2_000), 1)
    ran = {name: judge(trace, name, half(trace), 1000).outcome for name in ("gdsf", "lru")}

    assert missed([row("base", 1, ran)]) == []
    assert row("base", 1, ran).policies["gdsf"].load < 0.6


def test_a_policy_is_seen_beside_lru() -> None:
    """Fails when the hit rates are divided as the load seconds are."""
    found = row("base", 1, {"gdsf": outcome(50.0, 60), "lru": outcome(100.0, 40)})

    assert found.policies == {"gdsf": Against(0.5, 0.6 - 0.4)}


def test_each_seed_has_to_hold_its_bar() -> None:
    """Fails when only the mean is judged: these have a mean of 60 %."""
    rows = [
        Row("base", seed, {"gdsf": Against(load, 0.1)})
        for seed, load in enumerate((0.65, 0.66, 0.5))
    ]

    assert missed(rows) == ["base, seed 1: gdsf takes 66.0% of LRU's load seconds, not 65%"]


def test_the_bars_differ_by_workload_and_hits_may_not_be_fewer_in_any() -> None:
    """Fails when one bar is used for all."""
    rows = [
        Row("rotated", 1, {"gdsf": Against(0.79, 0.0)}),
        Row("none slow", 1, {"gdsf": Against(1.0, -0.01)}),
    ]

    assert missed(rows) == ["none slow, seed 1: gdsf's hit rate is 0.0100 below LRU's"]


def test_the_table_has_each_seed_and_the_mean() -> None:
    rows = [Row("base", seed, {"gdsf": Against(seed / 10, 0.1 * seed)}) for seed in (1, 2)]

    lines = render(rows).splitlines()

    assert lines[1].split() == ["base", "1", "10.0", "%", "+0.100"]
    assert lines[3].split() == ["base", "mean", "15.0", "%", "+0.150"]


def test_all_contenders_can_be_judged() -> None:
    """Fails when a contender does not know the trace it is made for."""
    trace = draw(replace(BASE, requests=200), 1)

    assert {judge(trace, name, half(trace), 1000).policy for name in CONTENDERS} == set(CONTENDERS)

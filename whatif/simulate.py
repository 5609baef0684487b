"""`scripts/simulate`: the stated simulation, and whether the default policy holds its bars."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from whatif.bars import missed, render, row
from whatif.replay import Outcome
from whatif.rivals import CONTENDERS
from whatif.study import judge, spread
from whatif.workloads import STATED, Workload, draw, half

SEEDS = (1, 2, 3, 4, 5)
_ANY_NUMBER = 1 << 30


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 if a bar is missed."""
    options = _parser().parse_args(arguments)
    workloads = [replace(workload, requests=options.requests) for workload in STATED]
    jobs = [(w, s, p) for w in workloads for s in options.seeds for p in CONTENDERS]
    found: dict[tuple[str, int], dict[str, Outcome]] = {}
    for done, (name, seed, policy, outcome) in enumerate(spread(run, jobs, options.workers), 1):
        found.setdefault((name, seed), {})[policy] = outcome
        if done % len(CONTENDERS) == 0:
            print(f"replayed {done} of {len(jobs)}", file=sys.stderr, flush=True)
    rows = []
    for workload in workloads:
        for seed in options.seeds:
            outcomes = found[workload.name, seed]
            rows.append(row(workload.name, seed, {name: outcomes[name] for name in CONTENDERS}))
    print("Load seconds in % of LRU's, hit rate less LRU's:\n")
    print(render(rows))
    failures = missed(rows)
    print("\n".join(failures) if failures else "Every seed holds its bar.")
    return 1 if failures else 0


def run(workload: Workload, seed: int, policy: str) -> tuple[str, int, str, Outcome]:
    """One replay of the simulation, with what it was of."""
    trace = draw(workload, seed)
    return workload.name, seed, policy, judge(trace, policy, half(trace), _ANY_NUMBER).outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description="Replay the stated simulation and judge the default policy against LRU.",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--requests", type=int, default=STATED[0].requests)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""What the default policy has to reach in the stated simulation, and whether it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from whatif.replay import Outcome

JUDGED, BASELINE = "gdsf", "lru"

MOST: Mapping[str, float] = {"base": 0.65, "rotated": 0.80, "none slow": 1.00}
"""Of LRU's load seconds, by workload. Besides, the hit rate may not be below LRU's in any."""


@dataclass(frozen=True, slots=True)
class Against:
    """A policy beside LRU: its load seconds as a part of LRU's, its hit rate less LRU's."""

    load: float
    hits: float


@dataclass(frozen=True, slots=True)
class Row:
    """Everybody beside LRU, for one workload and seed."""

    workload: str
    seed: int
    policies: Mapping[str, Against]


def row(workload: str, seed: int, outcomes: Mapping[str, Outcome]) -> Row:
    """What the outcomes come to beside the baseline's, which has to be among them."""
    base = outcomes[BASELINE]
    return Row(
        workload,
        seed,
        {
            name: Against(_part(o.load_seconds, base.load_seconds), o.hit_rate - base.hit_rate)
            for name, o in outcomes.items()
            if name != BASELINE
        },
    )


def missed(rows: Sequence[Row]) -> list[str]:
    """Each bar that a seed misses, in words."""
    found = []
    for one in rows:
        judged, most = one.policies[JUDGED], MOST[one.workload]
        where = f"{one.workload}, seed {one.seed}: {JUDGED}"
        if judged.load > most:
            found.append(f"{where} takes {judged.load:.1%} of LRU's load seconds, not {most:.0%}")
        if judged.hits < 0.0:
            found.append(f"{where}'s hit rate is {-judged.hits:.4f} below LRU's")
    return found


def render(rows: Sequence[Row]) -> str:
    """Load seconds in % of LRU's and hit rate less LRU's, a line for each seed, and the means."""
    names = list(rows[0].policies)
    lines = [f"{'workload':10} {'seed':>4}" + "".join(f"  {name:>17}" for name in names)]
    for workload in dict.fromkeys(one.workload for one in rows):
        own = [one for one in rows if one.workload == workload]
        lines += [_line(workload, str(one.seed), one.policies, names) for one in own]
        means = {name: _mean([one.policies[name] for one in own]) for name in names}
        lines.append(_line(workload, "mean", means, names))
        lines.append(f"{'':10}  bar: at most {MOST[workload]:.0%}, hit rate +0.000 or more\n")
    return "\n".join(lines)


def _line(workload: str, seed: str, found: Mapping[str, Against], names: Sequence[str]) -> str:
    cells = (f"  {found[n].load * 100:8.1f} % {found[n].hits:+.3f}" for n in names)
    return f"{workload:10} {seed:>4}" + "".join(cells)


def _mean(values: Sequence[Against]) -> Against:
    return Against(fmean(v.load for v in values), fmean(v.hits for v in values))


def _part(value: float, whole: float) -> float:
    return value / whole if whole else 1.0

"""What a study found, as text and as JSON."""

import json
from collections.abc import Sequence

from whatif.rivals import CONTENDERS
from whatif.study import Cell, Recommendation, megabytes
from whatif.trace import Trace

_WIDTH = 17
_HALF = 8


def summary(trace: Trace) -> str:
    """What is replayed, and what is left out, in a line or two."""
    text = (
        f"{len(trace.accesses):,} requests for {len(trace.things)} models of"
        f" {megabytes(trace.bytes)} together, over {trace.seconds / 3600:.1f} hours."
    )
    if trace.left_out:
        names = ", ".join(sorted(trace.left_out)[:5]) + (", …" if len(trace.left_out) > 5 else "")  # noqa: PLR2004
        text += (
            f"\nLeft out: {sum(trace.left_out.values()):,} requests for models of which no load is"
            f" known ({names}); --assume-mb and --assume-load-seconds bring them in."
        )
    return text


def table(cells: Sequence[Cell]) -> str:
    """A line for each budget, and for each policy the hit rate and the load seconds."""
    policies = list(dict.fromkeys(cell.policy for cell in cells))
    found = {(cell.policy, cell.budget): cell.outcome for cell in cells}
    lines = [
        " " * 10 + "".join(f"  {policy:>{_WIDTH}}" for policy in policies),
        "budget MB" + " " + f"  {'hit %':>{_HALF}}{'s/1000':>{_WIDTH - _HALF}}" * len(policies),
    ]
    for budget in sorted({cell.budget for cell in cells}):
        outcomes = [found[policy, budget] for policy in policies]
        lines.append(
            f"{budget / 1e6:9,.0f} "
            + "".join(
                f"  {o.hit_rate * 100:{_HALF}.1f}{o.load_seconds_per_1000:{_WIDTH - _HALF}.1f}"
                for o in outcomes
            )
            + _refused(max(o.refused for o in outcomes))
        )
    return "\n".join(lines)


def _refused(count: int) -> str:
    return f"  {count:,} requests for models that do not fit" if count else ""


def as_json(trace: Trace, cells: Sequence[Cell], advice: Recommendation | None) -> str:
    """Everything, for other programs."""
    document = {
        "trace": {
            "requests": len(trace.accesses),
            "seconds": trace.seconds,
            "bytes": trace.bytes,
            "models": {
                name: {"bytes": thing.bytes, "load_seconds": thing.load_seconds}
                for name, thing in sorted(trace.things.items())
            },
            "left_out": dict(sorted(trace.left_out.items())),
        },
        "results": [_result(cell) for cell in cells],
        "recommendation": advice
        and {
            "policy": advice.cell.policy,
            "budget_bytes": advice.cell.budget,
            "reason": advice.reason,
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _result(cell: Cell) -> dict[str, object]:
    outcome = cell.outcome
    return {
        "policy": cell.policy,
        "offered": CONTENDERS[cell.policy].offered,
        "budget_bytes": cell.budget,
        "hits": outcome.hits,
        "misses": outcome.misses,
        "refused": outcome.refused,
        "evictions": outcome.evictions,
        "hit_rate": outcome.hit_rate,
        "load_seconds": outcome.load_seconds,
        "load_seconds_per_1000": outcome.load_seconds_per_1000,
        "peak_bytes": outcome.peak,
    }

# ruff: noqa: INP001
"""One panel of the dashboard, and the queries that several have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ONE, MODELS = 'instance=~"$instance"', 'instance=~"$instance", model=~"$model"'
GREEN, AMBER, RED = "green", "orange", "red"
Steps = Sequence[tuple[float | None, str]]


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries` by what their lines are called; `unit` in Grafana's words.

    `steps` are (from this value on, colour). `lines` names queries that are drawn as limits beside
    what is `stacked`.
    """

    title: str
    says: str
    queries: Mapping[str, str]
    unit: str = "short"
    steps: Steps = ((None, GREEN),)
    width: int = 8
    kind: str = "timeseries"
    most: float | None = None
    stacked: bool = False
    bars: bool = False
    lines: Sequence[str] = ()
    words: Mapping[str, str] = field(default_factory=dict)


def by_model(metric: str) -> str:
    return f"sum by (model) (rate({metric}{{{MODELS}}}[$__rate_interval]))"


def quantile(q: float) -> str:
    buckets = f"rate(model_cache_prediction_seconds_bucket{{{MODELS}}}[$__rate_interval])"
    return f"histogram_quantile({q}, sum by (le) ({buckets}))"


def total(metric: str) -> str:
    return f"sum(rate(model_cache_{metric}_total{{{ONE}}}[$__rate_interval]))"

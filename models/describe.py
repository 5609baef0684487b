"""What is known, as views: joins catalogue, store, ledger and counters. Decides nothing."""

from cache.ledger import Entry, State
from models.clock import SystemClock
from models.config import ServingConfig
from models.figures import Figures
from models.loader import LiveModel, priority_of
from models.memory import Sample, limits_for
from models.spec import ModelSpec, StoredModel
from models.usage import Usage
from models.views import MemoryUsage, ModelView, RunnerView, SystemView

_TYPES = {"onnx": "onnx", "transformers": "pytorch", "pytorch": "pytorch"}


def model_view(
    name: str,
    spec: ModelSpec | None,
    stored: StoredModel | None,
    entry: Entry | None,
    live: LiveModel | None,
    usage: Usage,
    clock: SystemClock,
) -> ModelView:
    """Everything known of one model at this moment."""
    resident = entry is not None and entry.state is State.RESIDENT
    if live is not None:
        stored = live.stored
    return ModelView(
        name=name,
        cached=entry is not None,
        loaded=resident,
        footprint=entry.footprint if entry is not None else 0,
        last_accessed=None if usage.last_accessed is None else clock.utc(usage.last_accessed),
        access_count=usage.asked,
        priority=priority_of(spec),
        source=stored.source if stored else spec.source if spec else "Local",
        engine=_TYPES[stored.engine if stored else spec.engine if spec else "onnx"],
        registered=stored is not None,
        version=stored.version if stored else None,
        labels=stored.labels if stored else (),
        precision=stored.precision if stored else None,
        size=stored.size if stored else 0,
        loaded_at=clock.utc(entry.since) if entry is not None and resident else None,
        load_seconds=usage.last_load_seconds,
        warmup_completed=usage.warmed,
        warmup_seconds=usage.warmup_seconds,
        performance=usage.performance(),
        runner=_runner_view(live, usage) if live is not None else None,
    )


def _runner_view(live: LiveModel, usage: Usage) -> RunnerView:
    return RunnerView(
        pid=live.runner.pid,
        footprint=live.footprint,
        restarts=usage.deaths,
        started_at=live.runner.started_at,
    )


def memory_usage(used: int, limit: int, config: ServingConfig) -> MemoryUsage:
    return MemoryUsage(used, limit, config.max_memory_usage)


def system_view(
    sample: Sample,
    tracked: int,
    limit: int,
    config: ServingConfig,
    figures: Figures,
    uptime: float,
) -> SystemView:
    """The process tree, and what has been cleaned up so far."""
    return SystemView(
        memory=memory_usage(sample.total, limit, config),
        own=sample.own,
        budget=limits_for(config, limit, sample.own).budget,
        tracked=tracked,
        uptime_seconds=uptime,
        last_cleanup=figures.last_cleanup,
        cleanup_count=figures.cleanups,
        cleanup_freed=figures.cleaned,
    )

"""What is known, as views: joins catalogue, store, ledger and counters. Decides nothing."""

from cache import lifetimes
from cache.entry import Entry, State
from cache.ports import Priority
from cache.quarantine import Suspension
from cache.ranking import Standing
from models.clock import SystemClock
from models.config import ServingConfig
from models.loader import LiveModel
from models.spec import ModelSpec, StoredModel
from models.usage import Usage
from models.views.model import LifetimeView, ModelView, QuarantineView, RunnerView, StandingView
from models.views.system import MemoryUsage

_TYPES = {"onnx": "onnx", "transformers": "pytorch", "pytorch": "pytorch"}


def model_view(
    name: str,
    spec: ModelSpec | None,
    stored: StoredModel | None,
    entry: Entry | None,
    live: LiveModel | None,
    usage: Usage,
    own: Usage,
    clock: SystemClock,
    *,
    standing: Standing | None = None,
    suspension: Suspension | None = None,
    pinned: bool = False,
    aliases: tuple[str, ...] = (),
) -> ModelView:
    """Everything known of one model at this moment.

    `usage` is what was counted under its name, `own` of the version that this stands for.
    """
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
        priority=_priority(spec, standing),
        source=stored.source if stored else spec.source if spec else "Local",
        engine=_TYPES[stored.engine if stored else spec.engine if spec else "onnx"],
        registered=stored is not None,
        version=stored.version if stored else None,
        labels=stored.labels if stored else (),
        precision=stored.precision if stored else None,
        size=stored.size if stored else 0,
        loaded_at=clock.utc(entry.landed) if entry is not None and resident else None,
        load_seconds=own.last_load_seconds,
        warmup_completed=own.warmed,
        warmup_seconds=own.warmup_seconds,
        performance=usage.performance(),
        runner=_runner_view(live, usage) if live is not None else None,
        pinned=pinned,
        priority_fixed=spec is not None and spec.priority is not None,
        standing=standing_view(standing, name, clock) if standing is not None else None,
        lifetime=_lifetime_view(entry, clock) if entry is not None and resident else None,
        quarantine=quarantine_view(suspension, clock) if suspension is not None else None,
        compiled=stored.compiled if stored else None,
        aliases=aliases,
        origin=shown_origin(stored),
        revision=stored.revision if stored else None,
        license=stored.license if stored else None,
        head=stored.head if stored else None,
    )


def shown_origin(stored: StoredModel | None) -> str | None:
    """Where it is from, None where that is a folder of this machine: nobody else's business."""
    origin = stored.origin if stored else None
    return None if origin is None or origin.startswith("dir:") else origin


def standing_view(standing: Standing, name: str, clock: SystemClock) -> StandingView:
    entry = standing.entry
    return StandingView(
        name=name,
        place=standing.place,
        priority=standing.priority,
        fixed=entry.fixed,
        score=entry.score,
        footprint=entry.footprint,
        charged=entry.charged,
        last_used=clock.utc(entry.last_used),
        held_by=None if standing.hold is None else standing.hold.value,
    )


def memory_usage(used: int, limit: int, config: ServingConfig) -> MemoryUsage:
    return MemoryUsage(used, limit, config.max_memory_usage)


def _priority(spec: ModelSpec | None, standing: Standing | None) -> Priority:
    """Fixed, or by usage; what is not in memory ranks below all that is."""
    if spec is not None and spec.priority is not None:
        return spec.priority
    return Priority.LOW if standing is None else standing.priority


def _runner_view(live: LiveModel, usage: Usage) -> RunnerView:
    return RunnerView(
        pid=live.runner.pid,
        footprint=live.footprint,
        restarts=usage.deaths,
        started_at=live.runner.started_at,
    )


def _lifetime_view(entry: Entry, clock: SystemClock) -> LifetimeView:
    at = lifetimes.runs_out(entry)
    refreshed = entry.since > entry.landed
    return LifetimeView(
        expires_at=None if at is None else clock.utc(at),
        keep_alive=entry.keep_alive,
        refreshed_at=clock.utc(entry.since) if refreshed else None,
    )


def quarantine_view(suspension: Suspension, clock: SystemClock) -> QuarantineView:
    return QuarantineView(suspension.failures, suspension.error, clock.utc(suspension.until))

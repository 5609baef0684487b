"""From views to the answers of the GET routes."""

import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from api import schemas as out
from api.forms import CachePriority
from api.overviews_predictions import prediction_cache
from api.schemas_compiled import CompiledOut, ParityOut
from api.schemas_head import HeadOut
from api.units import (
    iso,
    iso_or_none,
    mb,
    ms,
    now,
    percentage,
    rate,
    seconds,
    seconds_or_none,
)
from cache.ports import Priority
from models.views.model import LifetimeView, ModelView, QuarantineView, RunnerView, StandingView
from models.views.performance import Performance
from models.views.system import CacheView, MemoryUsage, SystemView

FOREVER = -1.0
PRIORITIES: dict[Priority, CachePriority] = {
    Priority.LOW: "low",
    Priority.MEDIUM: "medium",
    Priority.HIGH: "high",
}


def health(system: SystemView, cache: CacheView, *, ready: bool) -> out.HealthOut:
    return out.HealthOut(
        status="healthy" if ready else "not_ready",
        cache_status="operational",
        memory_usage=memory(system.memory),
        models_cached=cache.cached,
        total_models=len(cache.models),
        cache_hit_rate=rate(cache.performance.hit_rate),
        last_cleanup=iso_or_none(system.last_cleanup),
        timestamp=now(),
    )


def models(cache: CacheView) -> out.ModelsOut:
    usage = cache.memory
    return out.ModelsOut(
        models={view.name: out.ModelOut(**_model(view)) for view in cache.models},
        cache_summary=out.CacheSummaryOut(
            total_models=len(cache.models),
            cached_models=cache.cached,
            total_memory_usage_mb=mb(usage.used),
            available_memory_mb=mb(max(0, usage.limit - usage.used)),
            cache_efficiency=rate(cache.performance.hit_rate),
        ),
        timestamp=now(),
    )


def model(view: ModelView) -> out.ModelDetailOut:
    return out.ModelDetailOut(
        **_model(view),
        model_info=_model_info(view),
        compiled=_compiled(view),
        head=None if view.head is None else HeadOut.model_validate(asdict(view.head)),
        performance_metrics=_model_performance(view.performance),
        runner=None if view.runner is None else _runner(view.runner),
        cache_priority_fixed=view.priority_fixed,
        **_standing(view.standing),
        **_lifetime(view.lifetime),
        quarantine=None if view.quarantine is None else quarantine(view.quarantine),
        timestamp=now(),
    )


def stats(cache: CacheView, system: SystemView) -> out.StatsOut:
    """Models that are neither cached nor were ever asked for are left out, as documented."""
    seen = (view for view in cache.models if view.cached or view.access_count)
    return out.StatsOut(
        cache_stats=out.CacheStatsOut(
            total_models=len(cache.models),
            cached_models=cache.cached,
            memory_usage=memory(cache.memory),
            performance=_performance(cache.performance),
            prediction_cache=prediction_cache(cache.predictions),
            models={view.name: _model_stats(view) for view in seen},
        ),
        system_stats=out.SystemStatsOut(
            uptime_seconds=int(system.uptime_seconds),
            last_cleanup=iso_or_none(system.last_cleanup),
            cleanup_count=system.cleanup_count,
            memory_cleanup_mb=mb(system.cleanup_freed),
            service_mb=mb(system.own),
            budget_mb=mb(system.budget),
            tracked_mb=mb(system.tracked),
        ),
        timestamp=now(),
    )


def memory(usage: MemoryUsage) -> out.MemoryOut:
    return out.MemoryOut(
        used_mb=mb(usage.used),
        total_mb=mb(usage.limit),
        usage_percentage=percentage(usage.fraction),
        threshold=percentage(usage.threshold),
    )


def _model(view: ModelView) -> dict[str, Any]:
    return {
        "name": view.name,
        "cached": view.cached,
        "loaded": view.loaded,
        "memory_usage_mb": mb(view.footprint),
        "last_accessed": iso_or_none(view.last_accessed),
        "access_count": view.access_count,
        "cache_priority": PRIORITIES[view.priority],
        "source": view.source,
        "version": view.version,
        "aliases": list(view.aliases),
        "pinned": view.pinned,
    }


def _model_info(view: ModelView) -> out.ModelInfoOut:
    return out.ModelInfoOut(
        type=view.engine,
        size_mb=mb(view.size),
        loaded_at=iso_or_none(view.loaded_at),
        load_time_seconds=seconds_or_none(view.load_seconds),
        warmup_completed=view.warmup_completed,
        warmup_time_seconds=seconds_or_none(view.warmup_seconds),
        registered=view.registered,
        version=view.version,
        precision=view.precision,
        labels=list(view.labels),
        origin=view.origin,
        revision=view.revision,
        license=view.license,
    )


def _compiled(view: ModelView) -> CompiledOut | None:
    made = view.compiled
    if made is None or view.precision is None:
        return None
    return CompiledOut(
        precision=view.precision,
        parity=None if made.parity is None else ParityOut(**asdict(made.parity)),
        tools=dict(made.tools),
        refused=dict(made.refused),
        first_token_only=made.first_token_only,
    )


def _standing(view: StandingView | None) -> dict[str, Any]:
    return {
        "rank": None if view is None else view.place,
        "score": None if view is None else view.score,
        "held_by": None if view is None else view.held_by,
    }


def _lifetime(view: LifetimeView | None) -> dict[str, Any]:
    return {
        "expires_at": None if view is None else iso_or_none(view.expires_at),
        "keep_alive_seconds": None if view is None else _keep_alive(view.keep_alive),
        "refreshed_at": None if view is None else iso_or_none(view.refreshed_at),
    }


def _keep_alive(asked: float | None) -> float | None:
    return FOREVER if asked == math.inf else seconds_or_none(asked)


def quarantine(view: QuarantineView) -> out.QuarantineOut:
    left = (view.until - datetime.now(UTC)).total_seconds()
    return out.QuarantineOut(
        failures=view.failures,
        error=view.error,
        retry_at=iso(view.until),
        retry_after_seconds=seconds(max(0.0, left)),
    )


def _counters(counted: Performance) -> dict[str, Any]:
    return {
        "avg_inference_time_ms": ms(counted.average_inference_seconds),
        "total_inferences": counted.predictions,
        "cache_hits": counted.hits,
        "cache_misses": counted.misses,
        "loads": counted.loads,
        "load_seconds_total": seconds(counted.load_seconds),
        "predictions_cached": counted.cached,
        "predictions_joined": counted.joined,
    }


def _performance(counted: Performance) -> out.PerformanceOut:
    return out.PerformanceOut(cache_hit_rate=rate(counted.hit_rate), **_counters(counted))


def _model_performance(counted: Performance) -> out.ModelPerformanceOut:
    return out.ModelPerformanceOut(hit_rate=rate(counted.hit_rate), **_counters(counted))


def _model_stats(view: ModelView) -> out.ModelStatsOut:
    return out.ModelStatsOut(
        cached=view.cached,
        memory_usage_mb=mb(view.footprint),
        access_count=view.access_count,
        hit_rate=rate(view.performance.hit_rate),
    )


def _runner(view: RunnerView) -> out.RunnerOut:
    return out.RunnerOut(
        pid=view.pid,
        footprint_mb=mb(view.footprint),
        restarts=view.restarts,
        started_at=iso(view.started_at),
    )

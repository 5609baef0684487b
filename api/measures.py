"""Series that are read off the views when they are asked for: they cost a request nothing."""

from collections.abc import Iterable

from api.exposition import Family, single
from api.units import mb, ms, percentage, rate
from models.views.system import CacheView, SystemView


def documented(cache: CacheView, system: SystemView) -> Iterable[Family]:
    """Make the documented series: names, types and help texts are the contract's."""
    counted = cache.performance
    return (
        single("models_total", "Total number of models", "gauge", len(cache.models)),
        single("models_cached", "Cached models count", "gauge", cache.cached),
        single("memory_usage_mb", "Memory usage in MB", "gauge", mb(cache.memory.used)),
        single(
            "memory_usage_percentage",
            "Memory usage percentage",
            "gauge",
            percentage(cache.memory.fraction),
        ),
        single("hit_rate", "Cache hit rate", "gauge", rate(counted.hit_rate)),
        single(
            "inference_time_ms",
            "Average inference time in milliseconds",
            "gauge",
            ms(counted.average_inference_seconds),
        ),
        single("inferences_total", "Total number of inferences", "counter", counted.predictions),
        single("cache_hits_total", "Total cache hits", "counter", counted.hits),
        single("cache_misses_total", "Total cache misses", "counter", counted.misses),
        single("cleanup_events_total", "Total cleanup events", "counter", system.cleanup_count),
        single(
            "memory_cleanup_mb",
            "Total memory cleaned up in MB",
            "counter",
            mb(system.cleanup_freed),
        ),
    )


def measured(system: SystemView, *, ready: bool) -> Iterable[Family]:
    """Make our own gauges, in base units as Prometheus wants them."""
    return (
        single("budget_bytes", "Memory that models may take", "gauge", system.budget),
        single(
            "tracked_bytes",
            "Memory of the budget that is reserved, resident or leaving",
            "gauge",
            system.tracked,
        ),
        single("waiting", "Requests that wait for room", "gauge", system.waiting),
        single("limit_bytes", "Memory limit of the service", "gauge", system.memory.limit),
        single("used_bytes", "Memory of the service with its runners", "gauge", system.memory.used),
        single("own_bytes", "Memory of the service without its runners", "gauge", system.own),
        single("ready", "Is the service ready for traffic", "gauge", ready),
        single("uptime_seconds", "Time since the service started", "gauge", system.uptime_seconds),
    )


def recalled(cache: CacheView) -> Iterable[Family]:
    """Make the series of the prediction cache."""
    kept, of = cache.predictions, "prediction_cache"
    return (
        single(f"{of}_capacity_bytes", "Memory that predictions may take", "gauge", kept.capacity),
        single(f"{of}_bytes", "Memory that kept predictions take", "gauge", kept.size),
        single(f"{of}_entries", "Predictions that are kept", "gauge", kept.entries),
        single(f"{of}_models_off", "Models that hardly repeat", "gauge", kept.models_off),
        single(f"{of}_hits_total", "Lookups that found a prediction", "counter", kept.hits),
        single(f"{of}_misses_total", "Lookups that found none", "counter", kept.misses),
        single(
            f"{of}_bypassed_total",
            "Lookups not made for models that hardly repeat",
            "counter",
            kept.bypassed,
        ),
        single(
            f"{of}_joined_total", "Requests that shared another's inference", "counter", kept.joined
        ),
        single(
            f"{of}_evictions_total",
            "Predictions that made room for others",
            "counter",
            kept.evictions,
        ),
    )

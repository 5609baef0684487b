"""The documented example of /metrics; for OpenAPI."""

METRICS = "\n".join(
    f"# HELP model_cache_{name} {text}\n"
    f"# TYPE model_cache_{name} {kind}\n"
    f"model_cache_{name} {value}\n"
    for name, text, kind, value in (
        ("models_total", "Total number of models", "gauge", 4),
        ("models_cached", "Cached models count", "gauge", 3),
        ("memory_usage_mb", "Memory usage in MB", "gauge", 1203.1),
        ("memory_usage_percentage", "Memory usage percentage", "gauge", 14.7),
        ("hit_rate", "Cache hit rate", "gauge", 0.92),
        ("inference_time_ms", "Average inference time in milliseconds", "gauge", 45.2),
        ("inferences_total", "Total number of inferences", "counter", 150),
        ("cache_hits_total", "Total cache hits", "counter", 138),
        ("cache_misses_total", "Total cache misses", "counter", 12),
        ("cleanup_events_total", "Total cleanup events", "counter", 5),
        ("memory_cleanup_mb", "Total memory cleaned up in MB", "counter", 1024.5),
    )
)

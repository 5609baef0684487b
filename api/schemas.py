"""What the routes answer, field by field; `overviews` and `answers` fill it in."""

from typing import Annotated, Literal

from pydantic import Field

from api.forms import CachePriority, HeldBy, Out, Timestamp
from api.schemas_compiled import CompiledOut
from api.schemas_head import HeadOut
from api.schemas_predictions import Cached, Joined, PredictionCacheOut


class ErrorOut(Out):
    status: Literal["error"]
    error: str
    code: str
    timestamp: Timestamp


class RootOut(Out):
    status: Literal["running"]
    service: Literal["model-cache"]


class ProbeOut(Out):
    status: Literal["alive", "ready"]


class MemoryOut(Out):
    used_mb: float
    total_mb: float
    usage_percentage: float
    threshold: float


class HealthOut(Out):
    status: Literal["healthy", "not_ready"]
    cache_status: Literal["operational"]
    memory_usage: MemoryOut
    models_cached: int
    total_models: int
    cache_hit_rate: float
    last_cleanup: Timestamp | None
    timestamp: Timestamp


class ModelOut(Out):
    name: str
    cached: bool
    loaded: bool
    memory_usage_mb: float
    last_accessed: Timestamp | None
    access_count: int
    cache_priority: CachePriority
    source: str
    version: Annotated[str | None, Field(description="that the name stands for now")]
    aliases: Annotated[list[str], Field(description="of that version")]
    pinned: bool


class CacheSummaryOut(Out):
    total_models: int
    cached_models: int
    total_memory_usage_mb: float
    available_memory_mb: float
    cache_efficiency: float


class ModelsOut(Out):
    models: dict[str, ModelOut]
    cache_summary: CacheSummaryOut
    timestamp: Timestamp


class ModelInfoOut(Out):
    type: str
    size_mb: float
    loaded_at: Timestamp | None
    load_time_seconds: float | None
    warmup_completed: bool
    warmup_time_seconds: float | None
    registered: bool
    version: str | None
    precision: str | None
    labels: list[str]
    origin: Annotated[str | None, Field(description="null: a folder of the service's machine")]
    revision: Annotated[
        str | None, Field(description="of the origin: the hub's commit, MLflow's version")
    ]
    license: Annotated[str | None, Field(description="null: nothing says which")]


class ModelPerformanceOut(Out):
    avg_inference_time_ms: float
    total_inferences: int
    cache_hits: int
    cache_misses: int
    hit_rate: float
    loads: int
    load_seconds_total: float
    predictions_cached: Cached
    predictions_joined: Joined


class RunnerOut(Out):
    pid: int
    footprint_mb: float
    restarts: int
    started_at: Timestamp


class QuarantineOut(Out):
    failures: Annotated[int, Field(description="failed loads in a row")]
    error: str
    retry_at: Timestamp
    retry_after_seconds: float


class ModelDetailOut(ModelOut):
    model_info: ModelInfoOut
    compiled: Annotated[CompiledOut | None, Field(description="how registration made it")]
    head: Annotated[HeadOut | None, Field(description="null where the model came with its own")]
    performance_metrics: ModelPerformanceOut
    runner: RunnerOut | None
    pinned: bool
    cache_priority_fixed: Annotated[bool, Field(description="by the catalogue, not by usage")]
    rank: Annotated[int | None, Field(description="1 is evicted first; null if not in memory")]
    score: Annotated[float | None, Field(description="what the eviction policy gives the model")]
    held_by: Annotated[HeldBy | None, Field(description="what keeps it from being evicted now")]
    expires_at: Timestamp | None
    keep_alive_seconds: Annotated[float | None, Field(description="null: none asked; -1: for ever")]
    refreshed_at: Timestamp | None
    quarantine: QuarantineOut | None
    timestamp: Timestamp


class LoadOut(Out):
    message: str
    model_name: str
    load_time_seconds: float
    memory_usage_mb: float
    cache_status: Literal["loaded"]
    timestamp: Timestamp


class UnloadOut(Out):
    message: str
    model_name: str
    memory_freed_mb: float
    cache_status: Literal["unloaded"]
    timestamp: Timestamp


class PinOut(Out):
    message: str
    model_name: str
    pinned: bool
    cached: bool
    timestamp: Timestamp


class WarmupOut(Out):
    message: str
    model_name: str
    warmup_requests: int
    warmup_time_seconds: float
    avg_response_time_ms: float
    warmup_status: Literal["completed"]
    timestamp: Timestamp


class WarmupStartedOut(Out):
    message: str
    model_name: str
    warmup_requests: int
    warmup_status: Literal["started"]
    timestamp: Timestamp


class PerformanceOut(Out):
    cache_hit_rate: float
    avg_inference_time_ms: float
    total_inferences: int
    cache_hits: int
    cache_misses: int
    loads: int
    load_seconds_total: float
    predictions_cached: Cached
    predictions_joined: Joined


class ModelStatsOut(Out):
    cached: bool
    memory_usage_mb: float
    access_count: int
    hit_rate: float


class CacheStatsOut(Out):
    total_models: int
    cached_models: int
    memory_usage: MemoryOut
    performance: PerformanceOut
    prediction_cache: PredictionCacheOut
    models: dict[str, ModelStatsOut]


class SystemStatsOut(Out):
    uptime_seconds: int
    last_cleanup: Timestamp | None
    cleanup_count: int
    memory_cleanup_mb: float
    service_mb: Annotated[float, Field(description="used by the service without its runners")]
    budget_mb: Annotated[float, Field(description="what that leaves for models")]
    tracked_mb: Annotated[
        float, Field(description="what of the budget is reserved, resident or leaving")
    ]


class StatsOut(Out):
    cache_stats: CacheStatsOut
    system_stats: SystemStatsOut
    timestamp: Timestamp


class CleanupSummaryOut(Out):
    models_unloaded: int
    memory_freed_mb: float
    models_affected: list[str]
    cleanup_reason: Literal["memory_threshold_exceeded", "expired", "nothing_to_do"]


class CleanupMemoryOut(Out):
    before_mb: float
    after_mb: float
    freed_mb: float


class CleanupOut(Out):
    message: str
    cleanup_summary: CleanupSummaryOut
    memory_usage: CleanupMemoryOut
    cache_status: Literal["optimized"]
    timestamp: Timestamp

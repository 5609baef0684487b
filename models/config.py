"""How the service is to behave: plain values, in seconds and bytes, made from the settings."""

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SharedConfig:
    """Where answers are shared with other services; `url` may hold a password, and is not shown.

    `timeout` is a look-up's, and `retry_seconds` how long a store that fails is left alone.
    """

    url: str = field(repr=False)
    timeout: float = 0.01
    retry_seconds: float = 5.0
    prefix: str = "model-cache"


@dataclass(frozen=True, slots=True)
class ServingConfig:
    """Defaults are the documented ones. Fractions are of the memory limit.

    `memory_limit` None means the smallest cgroup limit, else the physical memory.
    `catalogue` None means the one that ships with the project, `journal` None a file beside the
    model store, `shared` None that answers are kept here alone. `api/settings.py` describes each
    field.
    """

    max_memory_usage: float = 0.8
    memory_threshold: float = 0.7
    memory_limit: int | None = None
    max_models: int = 10
    cache_ttl: float = 3600.0
    cleanup_interval: float = 300.0
    enable_auto_scaling: bool = True
    eviction_policy: str = "gdsf"
    churn_guard: float = 2.0
    max_loads: int = 2
    overtake_limit: int = 16
    overtake_seconds: float = 5.0
    postpone_seconds: float = 1.0
    quarantine_base: float = 1.0
    quarantine_max: float = 300.0
    refresh_ahead: float = 0.1
    default_model: str = "deberta-v3-base_pretrained"
    preload_models: tuple[str, ...] = ("deberta-v3-base_pretrained", "roberta-base_pretrained")
    warmup_requests: int = 10
    catalogue: Path | None = None
    cores: int | None = None
    room_timeout: float = 30.0
    load_timeout: float = 120.0
    inference_timeout: float = 30.0
    request_timeout: float = 60.0
    max_waiting: int = 256
    journal: Path | None = None
    journal_enabled: bool = True
    restore_working_set: bool = True
    events_kept: int = 1000
    store_watch: str = "auto"
    store_poll_seconds: float = 5.0
    device: str = "auto"
    dispatch: str = "auto"
    max_windows: int = 16
    prediction_cache: int = 32_000_000
    prediction_cache_ttl: float = 3600.0
    shared: SharedConfig | None = None
    ttl_by_type: dict[str, float] = field(default_factory=dict)


def cores(config: ServingConfig) -> int:
    """Runs at once: the setting, else the processors this process may use."""
    return config.cores or len(os.sched_getaffinity(0))

"""Settings from the environment: MODEL_CACHE_ and the name in capitals, lists and maps as JSON."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableValue

from api.logs import Form, Level
from api.sharing import SharingSettings
from api.tokens import TokenSettings
from api.variables import PREFIX, explain, unknown_variables
from models.config import ServingConfig

MEGABYTE = 10**6
POLICIES = ("gdsf", "lru")

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
ModelName = Annotated[str, Field(min_length=1)]


class SettingsError(ValueError):
    """The settings cannot be used; the message names each variable and what is wrong with it."""


class Settings(TokenSettings, SharingSettings):
    """Defaults are the documented ones. Sizes are in MB of 10^6 bytes, times in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    max_memory_usage: Fraction = Field(
        default=0.8, description="hard budget, as a part of the limit"
    )
    cache_ttl: Seconds = Field(default=3600.0, description="age at which an idle model is unloaded")
    preload_models: tuple[ModelName, ...] = Field(
        default=("deberta-v3-base_pretrained", "roberta-base_pretrained"),
        description="models loaded before the service is ready",
    )
    warmup_requests: Count = Field(default=10, description="inferences of one warm-up")
    enable_auto_scaling: bool = Field(
        default=True, description="let the budget follow the memory that is really free"
    )
    memory_threshold: Fraction = Field(
        default=0.7, description="above this part of the limit idle models are unloaded"
    )
    cleanup_interval: Seconds = Field(default=300.0, description="time between two sweeps")
    max_models: Count = Field(default=10, description="models in memory at once")

    memory_limit_mb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="memory limit; unset means the cgroup's, else the machine's memory",
    )
    eviction_policy: str = Field(
        default="gdsf",
        description="which idle model makes room: gdsf (by load time, use and size) or lru",
    )
    churn_guard: SecondsOrZero = Field(
        default=2.0,
        description="longest time after a load in which a model in demand is not evicted",
    )
    max_loads: Count = Field(default=2, description="loads at once")
    overtake_limit: Annotated[int, Field(ge=0)] = Field(
        default=16, description="callers that may overtake one who waits for room"
    )
    overtake_seconds: SecondsOrZero = Field(
        default=5.0, description="time after which one who waits for room is not overtaken any more"
    )
    postpone_seconds: SecondsOrZero = Field(
        default=1.0,
        description="longest time for which busy processors put off a load that needs an eviction",
    )
    quarantine_base: Seconds = Field(
        default=1.0, description="time for which a model that failed to load is left alone"
    )
    quarantine_max: Seconds = Field(
        default=300.0, description="the most that this time grows to with repeated failures"
    )
    refresh_ahead: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1, description="last part of the TTL in which a model in use is refreshed"
    )
    default_model: ModelName = Field(
        default="deberta-v3-base_pretrained", description="model of a prediction that names none"
    )
    catalogue: Path | None = Field(
        default=None, description="catalogue file; unset means the one that ships with the project"
    )
    ttl_by_type: dict[str, Seconds] = Field(
        default_factory=dict, description="cache_ttl by model type, as JSON"
    )
    cores: Count | None = Field(
        default=None, description="cores used for inference; unset means all"
    )
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = Field(
        default="auto", description="where models compute: auto, cpu, cuda or cuda:N"
    )
    dispatch: Literal["auto", "single", "batch"] = Field(
        default="auto",
        description="what is sent to a runner together: single texts, or all that wait in batches;"
        " auto is by its device",
    )
    max_windows: Count = Field(
        default=16, description="windows that are read of a text longer than the model's input"
    )
    prediction_cache_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=32.0, description="memory for answers given before; 0 keeps none"
    )
    prediction_cache_ttl: Seconds = Field(
        default=3600.0, description="age at which an answer is computed anew"
    )
    bentoml_metrics: bool = Field(default=False, description="BentoML's own metrics middleware")
    bentoml_access_log: bool = Field(default=False, description="BentoML's log line a request")
    bentoml_tracing: bool = Field(default=False, description="BentoML's OpenTelemetry tracing")
    log_format: Form = Field(default="text", description="the log: text, or json a line on stderr")
    log_level: Level | None = Field(
        default=None,
        description="least level of our lines: debug, info, warning, error; unset means info",
    )

    journal_enabled: bool = Field(default=True, description="keep an access journal on disk")
    journal: Path | None = Field(
        default=None, description="access journal file; unset means beside the model store"
    )
    restore_working_set: bool = Field(
        default=True, description="load what was in use before the last stop"
    )
    events_kept: Count = Field(default=1000, description="events kept in memory for /events")
    store_watch: Literal["auto", "poll"] = Field(
        default="auto",
        description="how changes of the model store are seen: auto by the system's notices, poll by"
        " listing it",
    )
    store_poll_seconds: Seconds = Field(
        default=5.0, description="time between two listings of a store that cannot be watched"
    )

    room_timeout: Seconds = Field(default=30.0, description="longest wait for room")
    max_waiting: Count = Field(default=256, description="callers that may wait for room at once")
    request_timeout: Seconds = Field(default=60.0, description="deadline of a prediction")
    inference_timeout: Seconds = Field(default=30.0, description="deadline of one inference")
    load_timeout: Seconds = Field(default=120.0, description="deadline of one load")
    max_text_chars: Count = Field(default=100_000, description="longest text, in characters")
    max_body_bytes: Count = Field(default=1_048_576, description="longest body or query string")
    max_batch_texts: Count = Field(default=1_000, description="most texts of one batch")
    shutdown_delay: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=1.0,
        description="time between readiness going false on SIGTERM and the server stopping",
    )

    @field_validator("eviction_policy")
    @classmethod
    def _policy_is_known(cls, value: str) -> str:
        if value not in POLICIES:
            raise ValueError(f"there is no policy {value!r}: give {' or '.join(POLICIES)}")
        return value

    @model_validator(mode="after")
    def _watermarks_are_ordered(self) -> Self:
        if self.memory_threshold > self.max_memory_usage:
            raise ValueError(
                f"{PREFIX}MEMORY_THRESHOLD ({self.memory_threshold}) must not be above "
                f"{PREFIX}MAX_MEMORY_USAGE ({self.max_memory_usage})"
            )
        return self

    @model_validator(mode="after")
    def _quarantine_can_grow(self) -> Self:
        if self.quarantine_base > self.quarantine_max:
            raise ValueError(
                f"{PREFIX}QUARANTINE_BASE ({self.quarantine_base}) must not be above "
                f"{PREFIX}QUARANTINE_MAX ({self.quarantine_max})"
            )
        return self

    @model_validator(mode="after")
    def _what_is_shared_is_kept(self) -> Self:
        if self.shared() is not None and not self.prediction_cache_mb:
            raise ValueError(
                f"{PREFIX}REDIS_URL shares the prediction cache, and {PREFIX}PREDICTION_CACHE_MB"
                " is 0: there is none; unset one of them"
            )
        return self

    @classmethod
    def from_environment(cls) -> Self:
        """Read and check the environment; raises SettingsError with all that is wrong."""
        problems = unknown_variables(os.environ, tuple(cls.model_fields))
        try:
            settings = cls()
        except ValidationError as error:
            problems += [explain(detail["loc"], detail["msg"]) for detail in error.errors()]
        except UnreadableValue as error:
            problems += [f"{error}: lists and maps are written as JSON"]
        if problems:
            raise SettingsError("The settings cannot be used:\n  " + "\n  ".join(problems))
        return settings

    def to_config(self) -> ServingConfig:
        return ServingConfig(
            max_memory_usage=self.max_memory_usage,
            memory_threshold=self.memory_threshold,
            memory_limit=_bytes(self.memory_limit_mb),
            max_models=self.max_models,
            cache_ttl=self.cache_ttl,
            cleanup_interval=self.cleanup_interval,
            enable_auto_scaling=self.enable_auto_scaling,
            eviction_policy=self.eviction_policy,
            default_model=self.default_model,
            preload_models=self.preload_models,
            warmup_requests=self.warmup_requests,
            catalogue=self.catalogue,
            cores=self.cores,
            room_timeout=self.room_timeout,
            load_timeout=self.load_timeout,
            inference_timeout=self.inference_timeout,
            request_timeout=self.request_timeout,
            max_waiting=self.max_waiting,
            ttl_by_type=dict(self.ttl_by_type),
            churn_guard=self.churn_guard,
            max_loads=self.max_loads,
            overtake_limit=self.overtake_limit,
            overtake_seconds=self.overtake_seconds,
            postpone_seconds=self.postpone_seconds,
            quarantine_base=self.quarantine_base,
            quarantine_max=self.quarantine_max,
            refresh_ahead=self.refresh_ahead,
            journal=self.journal,
            journal_enabled=self.journal_enabled,
            restore_working_set=self.restore_working_set,
            events_kept=self.events_kept,
            store_watch=self.store_watch,
            store_poll_seconds=self.store_poll_seconds,
            device=self.device,
            dispatch=self.dispatch,
            max_windows=self.max_windows,
            prediction_cache=round(self.prediction_cache_mb * MEGABYTE),
            prediction_cache_ttl=self.prediction_cache_ttl,
            shared=self.shared(),
        )


def _bytes(megabytes: float | None) -> int | None:
    return None if megabytes is None else round(megabytes * MEGABYTE)

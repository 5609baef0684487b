"""What is answered of predictions: they themselves, and the cache that keeps them."""

from typing import Annotated

from pydantic import Field

from api.forms import Out, Timestamp

Cached = Annotated[int, Field(description="of all: answered from the prediction cache")]
Joined = Annotated[int, Field(description="of all: shared the inference of an equal request")]


class PredictionOut(Out):
    text: str
    prediction: str
    confidence: float
    probabilities: dict[str, float]
    model_used: str
    model_version: Annotated[str, Field(description="the version that answered")]
    cache_hit: Annotated[bool, Field(description="the answer waited for no load of the model")]
    prediction_cached: Annotated[bool, Field(description="this text had been answered before")]
    truncated: Annotated[bool, Field(description="the model did not read all of the text")]
    windows: Annotated[int, Field(description="overlapping pieces in which the text was read")]
    processing_time_ms: float
    timestamp: Timestamp


class PredictBatchOut(Out):
    results: list[PredictionOut]
    model_used: str
    timestamp: Timestamp


class SharedCacheOut(Out):
    circuit: Annotated[str, Field(description="closed (in use), open (left alone) or half_open")]
    connected: bool
    opened: Annotated[int, Field(description="how often it failed, and was left alone")]
    hits: int
    misses: int
    hit_rate: float
    unusable: Annotated[int, Field(description="of the misses: values that were not understood")]
    bypassed: Annotated[int, Field(description="lookups not made for models that are off")]
    skipped: Annotated[int, Field(description="lookups not made, or without an answer in time")]
    errors: Annotated[int, Field(description="calls that failed or took too long")]
    written: int
    dropped: Annotated[int, Field(description="predictions that were not handed over")]
    models_off: Annotated[int, Field(description="models whose hit rate is too low to ask for all")]


class PredictionCacheOut(Out):
    used_mb: float
    total_mb: float
    entries: int
    hits: int
    misses: int
    hit_rate: float
    bypassed: Annotated[int, Field(description="lookups not made for models that are off")]
    joined: Annotated[int, Field(description="requests that shared another's inference")]
    evictions: int
    models_off: Annotated[int, Field(description="models whose hit rate is too low to keep all")]
    shared: Annotated[
        SharedCacheOut | None,
        Field(description="what services share, if that is set"),
    ]

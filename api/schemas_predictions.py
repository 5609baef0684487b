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

"""Settings from the environment: MODEL_API_ and the name in capitals, lists as JSON."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Risk = Annotated[float, Field(gt=0, le=1)]


class Settings(BaseSettings):
    """`fail`: what becomes of a text while the model cache cannot be reached.

    Closed is the default: whoever can overload the model cache would otherwise get past it.
    """

    model_config = SettingsConfigDict(env_prefix="MODEL_API_", frozen=True)

    cache_url: str = "http://127.0.0.1:8003"
    cache_token: SecretStr | None = None
    models: Annotated[tuple[str, ...], Field(min_length=1)] = ("minilm-l6-v2_trained",)
    safe_label: str = "benign"
    review_at: Risk = 0.5
    block_at: Risk = 0.8
    fail: Literal["closed", "open"] = "closed"
    deadline: Seconds = 5.0
    start_timeout: Seconds = 180.0
    connections: Annotated[int, Field(ge=1)] = 32

    @model_validator(mode="after")
    def _thresholds_are_ordered(self) -> Self:
        if self.review_at > self.block_at:
            raise ValueError("MODEL_API_REVIEW_AT must not be above MODEL_API_BLOCK_AT")
        return self

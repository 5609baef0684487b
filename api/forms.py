"""What bodies have in common: their bases, and types that several of them use."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
CachePriority = Literal["low", "medium", "high"]
HeldBy = Literal["leased", "pinned", "loading", "leaving", "young"]


class In(BaseModel):
    """A request body: exact types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Out(BaseModel):
    """A response body."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        serialize_by_alias=True,
        validate_by_name=True,
    )

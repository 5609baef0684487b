"""What dry runs answer, field by field; `plans` fills it in."""

from typing import Annotated, Literal

from pydantic import Field

from api.forms import CachePriority, HeldBy, Out, Timestamp


class StandingOut(Out):
    """Where a model stands among those in memory."""

    model: str
    rank: Annotated[int, Field(description="1 is evicted first")]
    priority: Annotated[CachePriority, Field(alias="class")]
    class_fixed: Annotated[bool, Field(description="by the catalogue, not by usage")]
    score: Annotated[float | None, Field(description="what the eviction policy gives the model")]
    memory_mb: float
    charged_mb: Annotated[float, Field(description="booked for it, headroom included")]
    last_used: Timestamp
    held_by: Annotated[HeldBy | None, Field(description="what keeps it from being evicted now")]


class LoadPlanOut(Out):
    message: str
    model_name: str
    dry_run: Literal[True]
    decision: Literal["resident", "loading", "admit", "evict", "wait", "refuse"]
    reason: str
    needed_mb: float
    budget_mb: float
    tracked_mb: float
    victims: Annotated[list[StandingOut], Field(description="would be evicted, in this order")]
    blockers: Annotated[list[StandingOut], Field(description="would have to be waited for")]
    others: Annotated[list[StandingOut], Field(description="would stay, in rank order")]
    timestamp: Timestamp


class CleanupPlanOut(Out):
    message: str
    dry_run: Literal[True]
    cleanup_reason: Literal["memory_threshold_exceeded", "expired", "nothing_to_do"]
    memory_to_free_mb: float
    expired: list[StandingOut]
    evicted: list[StandingOut]
    others: Annotated[list[StandingOut], Field(description="would stay, in rank order")]
    timestamp: Timestamp

"""What /events answers, field by field; `events` fills it in."""

from typing import Annotated, Literal

from pydantic import Field

from api.forms import CachePriority, Out, Timestamp

EventKind = Literal[
    "load_started",
    "load_finished",
    "load_failed",
    "draining",
    "removed",
    "refreshed",
    "refresh_failed",
]


class EventOut(Out):
    """One thing that happened; what does not apply to it is null."""

    id: Annotated[int, Field(description="counts from 1, anew when the service starts")]
    timestamp: Timestamp
    event: EventKind
    model: Annotated[str, Field(description="name:version")]
    cause: Annotated[str | None, Field(description="why the model leaves")]
    for_model: Annotated[str | None, Field(description="the model that needed the room")]
    memory_mb: Annotated[float | None, Field(description="reserved, measured or freed")]
    seconds: Annotated[
        float | None,
        Field(
            description="load_finished: time to load; load_failed: time to the next try; "
            "draining: time since the last use"
        ),
    ]
    error: str | None
    priority: Annotated[CachePriority | None, Field(description="class it was judged by")]
    score: Annotated[float | None, Field(description="score it was judged by")]


class EventsOut(Out):
    events: list[EventOut]
    last_id: Annotated[int, Field(description="of the newest event; 0 before the first")]
    timestamp: Timestamp

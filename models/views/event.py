"""What happened, as those who follow the events are told."""

from dataclasses import dataclass
from datetime import datetime

from cache.ports import Priority


@dataclass(frozen=True, slots=True)
class EventView:
    """One thing that happened. `kind` is load_started, load_finished, load_failed, draining,
    removed, refreshed or refresh_failed; what does not apply is None.

    `size` is bytes: reserved, measured or freed. `room_for` names the model that needed the room.
    `seconds` is the load's time, or how long nobody had used what goes; of a failure the time
    until the next try. `id` counts from 1.
    """

    id: int
    at: datetime
    kind: str
    model: str
    cause: str | None = None
    room_for: str | None = None
    size: int | None = None
    seconds: float | None = None
    error: str | None = None
    priority: Priority | None = None
    score: float | None = None

"""From events to the answers of /events: a list, or server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from api.overviews import PRIORITIES
from api.queries import EventOptions
from api.schemas_events import EventOut, EventsOut
from api.streaming import with_pauses
from api.units import iso_ms, mb, now, seconds_or_none
from models.port import UseCases
from models.views.event import EventView

DEFAULT_LIMIT = 100
BEGINNING = b": events follow\n\n"
HEARTBEAT = b": still here\n\n"


def listed(use_cases: UseCases, asked: EventOptions) -> EventsOut:
    newest = _newest(use_cases)
    found = use_cases.events(after=_known(asked.after, newest), limit=asked.limit or DEFAULT_LIMIT)
    return EventsOut(events=[shown(view) for view in found], last_id=newest, timestamp=now())


def followed(use_cases: UseCases, asked: EventOptions) -> AsyncGenerator[EventView, None]:
    """Follow the events from where the reader is; a limit is of those that happened before."""
    after = _known(asked.after, _newest(use_cases))
    if asked.limit is not None:
        kept = use_cases.events(after=after, limit=asked.limit)
        after = kept[0].id - 1 if kept else after
    return use_cases.follow(after=after)


async def written(
    views: AsyncGenerator[EventView, None], heartbeat: float
) -> AsyncGenerator[bytes, None]:
    """Write events as text/event-stream, and a comment after each `heartbeat` seconds of none."""
    yield BEGINNING
    async with aclosing(with_pauses(views, heartbeat)) as coming:
        async for view in coming:
            yield HEARTBEAT if view is None else _block(shown(view))


def shown(view: EventView) -> EventOut:
    return EventOut.model_validate(
        {
            "id": view.id,
            "timestamp": iso_ms(view.at),
            "event": view.kind,
            "model": view.model,
            "cause": view.cause,
            "for_model": view.room_for,
            "memory_mb": None if view.size is None else mb(view.size),
            "seconds": seconds_or_none(view.seconds),
            "error": view.error,
            "priority": None if view.priority is None else PRIORITIES[view.priority],
            "score": view.score,
        }
    )


def _block(event: EventOut) -> bytes:
    return f"id: {event.id}\nevent: {event.event}\ndata: {event.model_dump_json()}\n\n".encode()


def _newest(use_cases: UseCases) -> int:
    found = use_cases.events(after=0, limit=1)
    return found[-1].id if found else 0


def _known(after: int, newest: int) -> int:
    """An id that was not given yet is of an earlier life of the service: all is new to it."""
    return after if after <= newest else 0

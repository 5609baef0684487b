"""What happened in the cache, as a list and as a stream of server-sent events."""

import re

import pytest

from api.schemas_events import EventOut, EventsOut
from cache.events import Cause, Draining, LoadFailed, Refreshed, Removed
from cache.ports import Priority
from models.chronicle import Chronicle
from models.clock import SystemClock
from tests.contract.app_client import client_of
from tests.contract.live_app import Exchange, begin, live_app
from tests.fakes_api import FakeUseCases
from tests.fakes_models import DEBERTA, ROBERTA


def with_events(count: int) -> FakeUseCases:
    fake = FakeUseCases()
    for _ in range(count):
        fake.chronicle(Refreshed(f"{DEBERTA}:v1", 0.0))
    return fake


def happen(fake: FakeUseCases) -> None:
    fake.chronicle(Refreshed(f"{DEBERTA}:v1", 0.0))


async def ids(stream: Exchange, count: int) -> list[int]:
    return [(await stream.event())["id"] for _ in range(count)]


def test_events_are_listed_in_order_with_the_id_to_go_on_from() -> None:
    """Seen failing with last_id taken from the events of the answer."""
    with client_of(with_events(3)) as client:
        first = client.get("/events?limit=2").json()
        none = client.get(f"/events?after={first['last_id']}").json()

    EventsOut.model_validate(first)
    assert [event["id"] for event in first["events"]] == [2, 3]
    assert (first["last_id"], none["last_id"], none["events"]) == (3, 3, [])


def test_a_hundred_events_are_listed_unless_a_limit_says_otherwise() -> None:
    with client_of(with_events(150)) as client:
        counts = [len(client.get(f"/events{q}").json()["events"]) for q in ("", "?limit=1000")]

    assert counts == [100, 150]


def test_an_id_of_an_earlier_life_of_the_service_hides_nothing() -> None:
    """Ids begin anew with the service. Seen failing with the id taken as it is."""
    with client_of(with_events(3)) as client:
        events = client.get("/events?after=5000").json()["events"]

    assert [event["id"] for event in events] == [1, 2, 3]


def test_an_event_says_who_went_why_and_for_whom() -> None:
    """An infinite score is null. Seen failing with the room that was needed left out."""
    fake = FakeUseCases()
    fake.chronicle(
        Draining(f"{ROBERTA}:v1", 0.0, Cause.EVICTED, f"{DEBERTA}:v1", Priority.LOW, 0.25, 60.0)
    )
    fake.chronicle(Removed(f"{ROBERTA}:v1", 0.0, Cause.EVICTED, 456_700_000, f"{DEBERTA}:v1"))
    fake.chronicle(LoadFailed(f"{DEBERTA}:v1", 0.0, "damaged", 4.0))
    fake.chronicle(
        Draining(f"{ROBERTA}:v1", 0.0, Cause.EXPIRED, None, Priority.HIGH, float("inf"), 0.0)
    )
    with client_of(fake) as client:
        draining, removed, failed, unscored = client.get("/events").json()["events"]

    assert draining["model"] == f"{ROBERTA}:v1"
    assert (draining["cause"], draining["for_model"]) == ("evicted", f"{DEBERTA}:v1")
    assert (draining["priority"], draining["score"], draining["seconds"]) == ("low", 0.25, 60.0)
    assert (removed["event"], removed["memory_mb"]) == ("removed", 456.7)
    assert (failed["error"], failed["seconds"], failed["memory_mb"]) == ("damaged", 4.0, None)
    assert unscored["score"] is None


@pytest.mark.parametrize(
    ("path", "headers", "kind"),
    [
        ("/events", {"accept": "text/event-stream"}, "text/event-stream"),
        ("/events?stream=true", {"accept": "application/json"}, "text/event-stream"),
        ("/events?stream=false", {"accept": "text/event-stream"}, "application/json"),
        ("/events", {"accept": "*/*"}, "application/json"),
        ("/events", {}, "application/json"),
    ],
)
def test_the_query_then_accept_decide_for_a_stream(
    path: str, headers: dict[str, str], kind: str
) -> None:
    """After the shutdown has begun, so that the stream ends. Seen failing with Accept ignored."""
    fake = with_events(1)
    with client_of(fake) as client:
        fake.begin_shutdown()
        response = client.get(path, headers=headers)

    assert response.headers["content-type"].partition(";")[0] == kind


async def test_a_stream_gives_each_event_when_it_happens() -> None:
    """Nothing is held back on the way. Seen failing with a layer that collects the answer."""
    fake = with_events(1)
    async with live_app(fake) as app:
        stream = begin(app, "/events?stream=true")
        start = await stream.message()
        kept = await ids(stream, 1)
        happen(fake)
        live = await stream.event()
        stream.leave()
        await stream.ended()

    headers = dict(start["headers"])
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-accel-buffering"] == b"no"
    assert b"content-length" not in headers
    assert kept == [1]
    EventOut.model_validate(live)
    assert live["id"] == 2


@pytest.mark.parametrize(
    ("query", "last_event_id", "expected"),
    [
        ("", "", [1, 2, 3, 4]),
        ("&after=2", "", [3, 4]),
        ("&limit=1", "", [4]),
        ("&after=1", "3", [4]),
        ("&limit=1", "2", [3, 4]),
        ("", "5000", [1, 2, 3, 4]),
    ],
)
async def test_a_stream_begins_where_the_reader_says(
    query: str, last_event_id: str, expected: list[int]
) -> None:
    """One who comes again misses nothing, whatever he asked for at first.

    Seen failing with Last-Event-ID ignored, and with the limit kept beside it.
    """
    fake = with_events(4)
    async with live_app(fake) as app:
        stream = begin(app, f"/events?stream=true{query}", last_event_id=last_event_id)
        await stream.message()
        found = await ids(stream, len(expected))
        happen(fake)
        following = await ids(stream, 1)
        stream.leave()
        await stream.ended()

    assert (found, following) == (expected, [5])


async def test_a_stream_without_events_shows_that_it_lives() -> None:
    """Seen failing without the comment: proxies would cut the connection."""
    async with live_app(FakeUseCases(), heartbeat=0.01) as app:
        stream = begin(app, "/events?stream=true")
        await stream.message()
        comments = [await stream.chunk() for _ in range(3)]
        stream.leave()
        await stream.ended()

    assert comments == [": events follow\n\n", ": still here\n\n", ": still here\n\n"]


async def test_a_client_who_leaves_is_followed_no_more() -> None:
    """Seen failing with the stream left to itself until the next event."""
    fake = FakeUseCases()
    async with live_app(fake) as app:
        stream = begin(app, "/events?stream=true")
        await stream.message()
        await stream.chunk()
        before = fake.chronicle.followers
        stream.leave()
        await stream.ended()

        assert (before, fake.chronicle.followers) == (1, 0)


async def test_streams_end_when_the_shutdown_begins() -> None:
    """The server waits for them. Seen failing with the chronicle not closed."""
    fake = with_events(1)
    async with live_app(fake) as app:
        stream = begin(app, "/events?stream=true")
        await stream.message()
        await ids(stream, 1)
        fake.begin_shutdown()
        last = await stream.message()
        await stream.ended()

    assert (last["body"], last.get("more_body", False)) == (b"", False)


async def test_one_stream_too_many_is_answered_as_an_error() -> None:
    """Not as a stream that breaks. Seen failing with the check made when the stream is read."""
    fake = FakeUseCases(chronicle=Chronicle(SystemClock(), max_followers=1))
    async with live_app(fake) as app:
        stream = begin(app, "/events?stream=true")
        await stream.message()
        refused = begin(app, "/events?stream=true")
        start = await refused.message()
        await refused.ended()
        stream.leave()
        await stream.ended()

    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"5"


async def test_head_of_a_stream_ends_at_once() -> None:
    """Seen failing with the body blanked alone: it would go on for ever."""
    fake = with_events(2)
    async with live_app(fake) as app:
        stream = begin(app, "/events?stream=true", method="HEAD")
        start, body = await stream.message(), await stream.message()
        stream.leave()
        await stream.ended()

    assert start["status"] == 200
    assert (body.get("body", b""), body.get("more_body", False)) == (b"", False)
    assert stream.sent.empty()


def test_events_are_told_to_the_millisecond() -> None:
    """Fault planted: whole seconds, in which several things happen."""
    with client_of(with_events(3)) as client:
        events = client.get("/events").json()["events"]

    assert events
    assert all(re.fullmatch(r"[-0-9]+T[:0-9]+\.\d{3}Z", event["timestamp"]) for event in events)

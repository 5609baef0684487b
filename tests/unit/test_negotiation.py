"""What an Accept header asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.negotiation import prefers_stream


@pytest.mark.parametrize(
    ("accept", "stream"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=utf-8", True),
        ("text/event-stream, */*", True),
        ("text/event-stream;q=0.9, application/json;q=0.8", True),
        ("text/event-stream, application/json;q=0", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/json, text/event-stream", False),
        ("text/event-stream;q=0.8, application/json", False),
        ("text/event-stream;q=0.1, */*", False),
        ("text/event-stream;q=0", False),
        ("text/html, application/xhtml+xml, */*;q=0.8", False),
        ("text/html", False),
    ],
)
def test_a_stream_is_sent_to_who_wants_it_more_than_json(accept: str, *, stream: bool) -> None:
    """Seen failing with q=0 taken for a wish, and with the qualities not compared."""
    assert prefers_stream(accept) is stream


@given(st.one_of(st.text(), st.text(alphabet="textven-srma/json;q=0.1, *")))
def test_no_header_is_too_odd(accept: str) -> None:
    prefers_stream(accept)

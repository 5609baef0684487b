"""Frames survive any cut of the stream; anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import wire

_MESSAGES = st.lists(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False)))


@given(_MESSAGES, st.integers(1, 50))
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(
    messages: list[wire.Message], size: int
) -> None:
    stream = b"".join(map(wire.encode, messages))
    decoder = wire.Decoder()

    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]

    assert [message for piece in pieces for message in decoder.feed(piece)] == messages


def test_a_lone_surrogate_survives() -> None:
    """It can come out of a JSON body, and must not fail in the service."""
    assert wire.Decoder().feed(wire.encode({"text": "\ud800"})) == [{"text": "\ud800"}]


def test_an_unfinished_frame_gives_nothing_yet() -> None:
    assert wire.Decoder().feed(wire.encode({"id": 1})[:-1]) == []


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1]", b"\xff\xfe", b'{"a":'])
def test_a_frame_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(wire.WireError, match="not "):
        wire.Decoder().feed(len(body).to_bytes(4, "big") + body)


def test_a_length_beyond_the_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(wire.WireError, match="longer than"):
        wire.Decoder().feed(b"GET / HTTP/1.1")


def test_a_message_beyond_the_bound_is_not_made() -> None:
    with pytest.raises(wire.WireError, match="longer than"):
        wire.encode({"text": "x" * wire.MAX_FRAME})

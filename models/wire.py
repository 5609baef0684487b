"""Frames between the service and a child process: four bytes of length, big-endian, then JSON.

No pickles: neither side can make the other run anything. Text travels as ASCII escapes, so that
even a lone surrogate, which UTF-8 cannot hold, reaches the tokenizer and fails there alone.
"""

import json
from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]

MAX_FRAME = 16 * 1024 * 1024
"""Bytes of JSON a frame may have; both sides refuse more."""

_HEADER = 4
_JSON = json.JSONEncoder(separators=(",", ":"), check_circular=False)


class WireError(ValueError):
    """What came is no frame of ours, or what is to go is too big for one."""


def encode(message: Mapping[str, Any]) -> bytes:
    """One frame. Raises WireError when it is longer than MAX_FRAME."""
    body = _JSON.encode(message).encode()
    if len(body) > MAX_FRAME:
        raise WireError(f"a message of {len(body)} bytes is longer than {MAX_FRAME}")
    return len(body).to_bytes(_HEADER, "big") + body


class Decoder:
    """Puts a stream of bytes back together; after a WireError it is of no use any more."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[Message]:
        """The messages that `data` completes, in order."""
        self._buffer += data
        messages: list[Message] = []
        while len(self._buffer) >= _HEADER:
            end = _HEADER + self._length()
            if len(self._buffer) < end:
                break
            messages.append(_parse(bytes(self._buffer[_HEADER:end])))
            del self._buffer[:end]
        return messages

    def _length(self) -> int:
        length = int.from_bytes(self._buffer[:_HEADER], "big")
        if length > MAX_FRAME:
            raise WireError(f"a frame of {length} bytes is longer than {MAX_FRAME}")
        return length


def _parse(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise WireError(f"not JSON: {body[:40]!r}") from error
    if not isinstance(message, dict):
        raise WireError(f"not an object: {body[:40]!r}")
    return message

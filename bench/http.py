"""What both clients of the bench say on the line, and what they raise when nobody says it back."""

import json
from collections.abc import Mapping

_REST = "HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Unanswered(Exception):
    """A connection ended, nobody answers any more, or what came is not HTTP with a length."""


class BrokenOff(Unanswered):
    """The head of an answer came, and not the whole body."""


def post(path: str, body: Mapping[str, object]) -> bytes:
    """A whole request; its connection may be used again."""
    content = json.dumps(body).encode()
    fields = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"POST {path} {_REST}{fields}\r\n".encode() + content


def get(path: str) -> bytes:
    return f"GET {path} {_REST}\r\n".encode()

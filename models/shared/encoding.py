"""A row as the bytes that are shared, and back; what cannot be understood is nothing."""

import struct
from dataclasses import dataclass
from hashlib import blake2b

from models.engines import Row

FORM = 1
"""Of the bytes, the first of them; another form is another number."""

_HEAD = struct.Struct(">BIIIB")
_PROBABILITY_BYTES = 8
_CHECK_BYTES = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """A row, and the second (since 1970) at which it was computed."""

    row: Row
    made_at: int


def encode(row: Row, key: str, made_at: float) -> bytes:
    """The value of `key`: form, second, tokens, windows, truncated, probabilities, checksum."""
    head = _HEAD.pack(FORM, int(made_at), row.tokens, row.windows, row.truncated)
    body = head + struct.pack(f">{len(row.probabilities)}d", *row.probabilities)
    return body + _check(key, body)


def decode(value: bytes, key: str, labels: int) -> Kept | None:
    """None where it is not what `encode` makes of a row with so many labels for this key."""
    if len(value) != _HEAD.size + labels * _PROBABILITY_BYTES + _CHECK_BYTES:
        return None
    body = value[:-_CHECK_BYTES]
    if value[-_CHECK_BYTES:] != _check(key, body):
        return None
    form, made_at, tokens, windows, truncated = _HEAD.unpack_from(body)
    probabilities = struct.unpack_from(f">{labels}d", body, _HEAD.size)
    if form != FORM or truncated > 1 or not all(0.0 <= each <= 1.0 for each in probabilities):
        return None
    return Kept(Row(probabilities, tokens, bool(truncated), windows), made_at)


def _check(key: str, body: bytes) -> bytes:
    """Against damage, and values that stand below another key; no proof against malice."""
    return blake2b(body, digest_size=_CHECK_BYTES, key=key.encode()[-64:]).digest()

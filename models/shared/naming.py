"""Under which keys answers are shared: digests alone, of all that decides what is answered."""

from hashlib import blake2b

from models.integrity import combined_digest
from models.spec import StoredModel

READING = 1
"""How texts are read: another number where a release answers the same files otherwise.

Answers that are shared outlive the release that gave them."""

_SCOPE_BYTES = 8


def scope_of(stored: StoredModel) -> str:
    """The files of a version and how they are read. On every machine the same, in hex."""
    parts = (
        READING,
        stored.engine,
        stored.max_length,
        stored.labels,
        combined_digest(stored.digests),
    )
    return blake2b(repr(parts).encode(), digest_size=_SCOPE_BYTES).hexdigest()


def key_for(prefix: str, scope: str, digest: bytes) -> str:
    """`digest` is the prediction cache's own, of the text and of what is set beside the model."""
    return f"{prefix}:{scope}:{digest.hex()}"

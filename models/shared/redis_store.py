"""Redis as the place for shared answers, by redis-py. Imported where it is wanted only.

The import takes 14 MB, and as long as a small model's load.
"""

import asyncio
import math
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from models.shared.port import StoreFailed

_FOREIGN = (RedisError, OSError, EOFError, ValueError)
"""What redis-py raises, and what its reading of bytes that no Redis sent may raise."""

_CLOSING = 1.0
_STANDARD_PORT = 6379
_LONGEST = 10**9
"""Seconds to live, 30 years: Redis refuses what its clock cannot count."""


class RedisStore:
    """`url` as redis-py takes it: redis://, rediss:// or unix://. One connection to read by, one
    to write by, so that nobody waits for what is written. Nothing is tried twice.
    """

    def __init__(self, url: str) -> None:
        self.place = place_of(url)
        self._reader, self._writer = (_client(url) for _ in range(2))

    async def connect(self) -> None:
        await self.ping()

    async def ping(self) -> None:
        try:
            await _call(self._reader, "PING")
        except _FOREIGN as error:
            raise _failed(error) from error

    async def get(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """What is no value, such as a proxy's error for one of its shards, is none."""
        try:
            values: object = await _call(self._reader, "MGET", *keys)
        except _FOREIGN as error:
            raise _failed(error) from error
        if not isinstance(values, list) or len(values) != len(keys):
            raise StoreFailed("it answers as no Redis does")
        return [value if isinstance(value, bytes) else None for value in values]

    async def put(self, items: Sequence[tuple[str, bytes]], ttl: float) -> None:
        calls = self._writer.pipeline(transaction=False)
        for key, value in items:
            calls.execute_command("SET", key, value, "EX", min(math.ceil(ttl), _LONGEST))
        try:
            await calls.execute()
        except _FOREIGN as error:
            raise _failed(error) from error

    async def aclose(self) -> None:
        for client in (self._reader, self._writer):
            with suppress(TimeoutError, *_FOREIGN):
                async with asyncio.timeout(_CLOSING):
                    await client.aclose()


def place_of(url: str) -> str:
    """Host and port, or path, as they are shown: nothing else of the address is."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"Redis at {parts.path}"
    return f"Redis at {parts.hostname or 'localhost'}:{parts.port or _STANDARD_PORT}"


def _client(url: str) -> Redis:
    return Redis.from_url(
        url,
        max_connections=1,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=None,
        socket_connect_timeout=None,
        protocol=2,
    )


def _call(client: Redis, *words: str) -> Awaitable[Any]:
    """One command, in words: the methods for each are typed for the blocking client as well."""
    return cast("Awaitable[Any]", client.execute_command(*words))  # type: ignore[no-untyped-call]


def _failed(error: Exception) -> StoreFailed:
    """In words of our own: those of others may repeat what they were sent."""
    if isinstance(error, AuthenticationError):
        return StoreFailed("it refuses the user or the password")
    if isinstance(error, ResponseError):
        return StoreFailed(f"it answers with an error ({type(error).__name__})")
    cause = error if isinstance(error, OSError) else error.__cause__
    told = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(error).__name__
    return StoreFailed(f"no connection ({told})")

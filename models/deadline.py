"""A limit on the time that a request may take."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.errors import DeadlineExceeded


@asynccontextmanager
async def deadline(seconds: float, *, spent: float = 0.0) -> AsyncIterator[None]:
    """Raises DeadlineExceeded when the body takes longer than what is left of `seconds`."""
    try:
        async with asyncio.timeout(seconds - spent):
            yield
    except TimeoutError:
        raise DeadlineExceeded(f"no answer within {seconds:g} s; try again later") from None

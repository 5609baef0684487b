"""A limit on the time that a request may take."""

import asyncio
from types import TracebackType

from models.errors import DeadlineExceeded


class Deadline:
    """An asynchronous context; raises DeadlineExceeded when its body takes longer than `seconds`.

    `spent` of these are over already. A class, for every prediction goes through it.
    """

    def __init__(self, seconds: float, *, spent: float = 0.0) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(seconds - spent)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            said = f"no answer within {self._seconds:g} s; try again later"
            raise DeadlineExceeded(said) from None

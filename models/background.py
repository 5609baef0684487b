"""Work that nobody waits for, but whose failure must be known."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Owns tasks until they end. Every failure is reported to the loop.

    The failure of what was started is kept in `fault` as well: the service cannot do without it.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._attempts: set[asyncio.Task[Any]] = set()
        self._closed = False
        self.fault: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin what has to go on, or to succeed."""
        self._begin(work, self._tasks)

    def attempt(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin what may fail without harm to anything else."""
        self._begin(work, self._attempts)

    async def aclose(self) -> None:
        """Cancel what still runs, and wait for its end; what comes later is not begun."""
        self._closed = True
        tasks = self._tasks | self._attempts
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, object], tasks: set[asyncio.Task[Any]]) -> None:
        if self._closed:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        vital = task in self._tasks
        self._tasks.discard(task)
        self._attempts.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if vital:
            self.fault = error
        task.get_loop().call_exception_handler(
            {"message": "background work failed", "exception": error, "task": task}
        )

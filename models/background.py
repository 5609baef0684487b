"""Work that nobody waits for, but whose failure must be known."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Owns tasks until they end. A failure is reported to the loop and kept in `fault`."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.fault: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    async def aclose(self) -> None:
        """Cancel what still runs, and wait for its end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.fault = error
            task.get_loop().call_exception_handler(
                {"message": "background work failed", "exception": error, "task": task}
            )

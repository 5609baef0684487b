"""Tasks that the cache has under way, and whether one of them has failed."""

import asyncio
from collections.abc import Coroutine


class Tasks:
    """Owns tasks until they end. None may fail: `fault` says which error one did fail with."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: BaseException | None = None

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def ended(self) -> None:
        """Return when none is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.fault = error
            task.get_loop().call_exception_handler(
                {"message": "the residency cache failed", "exception": error, "task": task}
            )

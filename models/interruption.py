"""Ends what a task does, for a reason of its own."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Interruption:
    """A context whose body ends with `error`, at its next `await`, once `interrupt` is called.

    Other cancellations of the task pass through. As `asyncio.timeout` does it, but for any reason,
    and without anything to await: every prediction goes through two of these.
    """

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._interrupted = False

    def interrupt(self) -> None:
        """Does nothing before the body has begun or after it has ended."""
        if self._task is not None and not self._interrupted:
            self._interrupted = True
            self._task.cancel()

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be interrupted")
        self._task, self._cancelling = task, task.cancelling()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if not self._interrupted or task is None:
            return
        alone = task.uncancel() <= self._cancelling
        if alone and kind is asyncio.CancelledError:
            raise self._error() from None

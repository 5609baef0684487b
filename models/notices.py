"""The operating system's notices of what changes in a folder, read in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from watchfiles import watch

Batch = Collection[Path]
"""What has changed: paths in the watched folder, and itself."""

Notices = Callable[[Path], AsyncGenerator[Batch, None]]

_STEP, _GATHERED = 250, 1000
"""Milliseconds: between two looks at what has come, and for which changes are gathered at most."""

_POLL = 5000
"""Milliseconds between two looks at every file, where the system has no notices at all."""


async def notices(folder: Path, *, pause: float = 4.0) -> AsyncGenerator[Batch, None]:
    """Each batch of changes, and an empty one after `pause` seconds without any.

    What changes after the first batch is in one of the next. Ends when `folder` is gone, or another
    has its place. Raises OSError when it cannot be watched. Its thread ends with it.
    """
    stop = threading.Event()
    thread = ThreadPoolExecutor(1, thread_name_prefix="store-watch")
    batches = _batches(folder, pause, stop)
    loop = asyncio.get_running_loop()
    try:
        while (batch := await loop.run_in_executor(thread, next, batches, None)) is not None:
            yield batch
    finally:
        stop.set()
        thread.submit(batches.close)
        await asyncio.shield(loop.run_in_executor(None, thread.shutdown))


def _batches(folder: Path, pause: float, stop: threading.Event) -> Generator[Batch, None, None]:
    identity = _identity(folder)
    try:
        for found in watch(
            folder,
            watch_filter=None,
            debounce=_GATHERED,
            step=_STEP,
            rust_timeout=round(pause * 1000),
            yield_on_timeout=True,
            stop_event=stop,
            force_polling=False,
            poll_delay_ms=_POLL,
            ignore_permission_denied=True,
        ):
            if _identity(folder) != identity:
                return
            yield frozenset(Path(path) for _, path in found)
    except RuntimeError as error:  # so watchfiles says that there are no more watches to be had
        raise OSError(str(error)) from error


def _identity(folder: Path) -> tuple[int, int]:
    state = folder.stat()
    return state.st_dev, state.st_ino

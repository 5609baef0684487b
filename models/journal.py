"""The access journal: which models were asked for and loaded, remembered across restarts.

Recording never waits and never raises. A worker thread writes what was gathered; when it cannot,
accesses are lost and the service goes on.
"""

import asyncio
import sqlite3
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from models import journal_file
from models.clock import SystemClock
from models.errors import ModelError
from models.journal_file import AccessRow, JournalFile, LoadRow, NoJournal, Rows

T = TypeVar("T")

_MAX_LOADS = 20_000


class JournalError(ModelError):
    """There is no journal to be read; the message says what to do."""


class Access(NamedTuple):
    """A prediction asked of a model; `at` is wall-clock time in unix seconds.

    A tuple, for there are hundreds of thousands.
    """

    at: float
    model: str


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """Of one model: seconds and bytes of its latest load, and how many loads are known."""

    seconds: float
    bytes: int
    count: int


@dataclass(frozen=True, slots=True)
class History:
    """What a journal holds: accesses of all models, oldest first, and loads by model."""

    accesses: tuple[Access, ...] = ()
    loads: Mapping[str, LoadFigures] = field(default_factory=dict)


def read_history(path: Path) -> History:
    """What the journal at `path` holds now; services may be writing to it. Blocks.

    Raises JournalError.
    """
    if not path.is_file():
        raise JournalError(f"there is no access journal at {path}: name the file a service writes")
    try:
        return _history(journal_file.read_only(path))
    except NoJournal as error:
        raise JournalError(
            f"{path} is no access journal of this release ({error}): name the file a service"
            " writes, or read it with the release that wrote it"
        ) from error
    except (sqlite3.Error, OSError) as error:
        raise JournalError(
            f"{path} cannot be read ({error}): allow reading and writing in its folder,"
            " or copy it with its -wal file to another one"
        ) from error


class AccessJournal:
    """Gathers accesses on the event loop; `flush` writes them in a thread of its own.

    While they cannot be written the newest `max_unwritten` wait. Times are the clock's monotonic
    seconds; the file has wall-clock time.
    """

    def __init__(self, clock: SystemClock, max_unwritten: int = 100_000) -> None:
        self.history = History()
        """What the file held when it was opened. Large: whoever has read it may replace it."""
        self._clock = clock
        self._writer: _Writer | None = None
        self._lost = 0
        self._accesses: deque[AccessRow] = deque(maxlen=max_unwritten)
        self._loads: deque[LoadRow] = deque(maxlen=max_unwritten)

    @classmethod
    async def open(
        cls,
        path: Path | None,
        clock: SystemClock,
        *,
        max_accesses: int = 200_000,
        max_unwritten: int = 100_000,
    ) -> Self:
        """Create the file when it is missing; a damaged one is renamed, and an empty one begun.

        With no path, or one that cannot be used, nothing is kept.
        """
        journal = cls(clock, max_unwritten)
        if path is not None:
            writer = _Writer(JournalFile(path, max_accesses, _MAX_LOADS))
            history = await writer.open()
            if history is not None:
                journal.history, journal._writer = history, writer
        return journal

    @property
    def enabled(self) -> bool:
        """Is anything kept?"""
        return self._writer is not None

    @property
    def lost(self) -> int:
        """Accesses and loads that were recorded, and could not be written in time or at all."""
        return self._lost

    def record(self, name: str, at: float) -> None:
        """A prediction was asked of the model."""
        if self._writer is not None:
            self._lost += len(self._accesses) == self._accesses.maxlen
            self._accesses.append((at, name))

    def record_load(self, name: str, at: float, seconds: float, bytes: int) -> None:  # noqa: A002  # the word of the file and of LoadFigures
        """The model was loaded: how long it took and what it needs."""
        if self._writer is not None:
            self._lost += len(self._loads) == self._loads.maxlen
            self._loads.append((at, name, seconds, bytes))

    async def flush(self) -> None:
        """Write what is gathered. What is recorded meanwhile is for the next flush."""
        if self._writer is None or not (self._accesses or self._loads):
            return
        accesses, loads = self._accesses, self._loads
        self._accesses = deque(maxlen=accesses.maxlen)
        self._loads = deque(maxlen=loads.maxlen)
        now = self._clock.monotonic()
        offset = self._clock.utc(now).timestamp() - now
        lost = await self._writer.write(accesses, loads, offset)
        self._lost += lost  # it may have grown meanwhile

    async def run(
        self, interval: float = 1.0, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        """Flush every `interval` seconds for ever; ends by cancellation."""
        while True:
            await sleep(interval)
            await self.flush()

    async def aclose(self) -> None:
        """Write the rest; nothing is recorded from then on. May be called again."""
        await self.flush()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()


class _Writer:
    """The thread that alone uses the file, one call after another.

    What was handed to it is done even if nobody waits for it any more.
    """

    def __init__(self, file: JournalFile) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    async def open(self) -> History | None:
        history = await self._do(self._open)
        if history is None:
            self._thread.shutdown(wait=False)
        return history

    async def write(
        self, accesses: Collection[AccessRow], loads: Collection[LoadRow], offset: float
    ) -> int:
        """How many were lost. `offset` turns their times into unix seconds."""
        return await self._do(
            lambda: self._file.write(
                [(at + offset, name) for at, name in accesses],
                [(at + offset, name, seconds, size) for at, name, seconds, size in loads],
            )
        )

    async def close(self) -> None:
        await self._do(self._file.close)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, work))

    def _open(self) -> History | None:
        rows = self._file.open()
        return None if rows is None else _history(rows)


def _history(rows: Rows) -> History:
    accesses, loads = rows
    counts = Counter(name for _, name, _, _ in loads)
    return History(
        tuple(map(Access._make, accesses)),
        {name: LoadFigures(seconds, size, counts[name]) for _, name, seconds, size in loads},
    )

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from models.journal import Access, AccessJournal, History, LoadFigures, read_history
from tests.fakes import settle
from tests.fakes_serving import EPOCH, FakeSystemClock

START = EPOCH.timestamp()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@asynccontextmanager
async def journal_at(
    path: Path | None, *, max_unwritten: int = 1000
) -> AsyncIterator[AccessJournal]:
    journal = await AccessJournal.open(path, FakeSystemClock(), max_unwritten=max_unwritten)
    async with aclosing(journal):
        yield journal


def models(history: History) -> list[str]:
    return [access.model for access in history.accesses]


@contextmanager
def another_writes(path: Path) -> Iterator[None]:
    """Another service is in the middle of its write."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_what_was_recorded_is_there_after_a_restart(path: Path) -> None:
    """Fault found: monotonic times, which mean nothing after a restart, were written."""
    async with journal_at(path) as journal:
        journal.record("b", 5.0)
        journal.record_load("b", 4.0, seconds=0.25, bytes=70)
        journal.record("a", 6.0)

    async with journal_at(path) as again:
        assert again.history == History(
            (Access(START + 5.0, "b"), Access(START + 6.0, "a")), {"b": LoadFigures(0.25, 70, 1)}
        )
        assert again.history == read_history(path)


async def test_figures_are_those_of_the_latest_load(path: Path) -> None:
    async with journal_at(path) as journal:
        journal.record_load("a", 1.0, seconds=9.0, bytes=10)
        journal.record_load("a", 2.0, seconds=0.5, bytes=20)

    assert read_history(path).loads == {"a": LoadFigures(0.5, 20, 2)}


async def test_accesses_stay_in_the_order_they_were_recorded_in(path: Path) -> None:
    """Fault found: a history sorted by time moves when the wall clock is set back."""
    async with journal_at(path) as journal:
        for name, at in (("a", 9.0), ("b", 3.0), ("c", 5.0)):
            journal.record(name, at)
            await journal.flush()

    assert models(read_history(path)) == ["a", "b", "c"]


async def test_without_a_path_nothing_is_kept() -> None:
    async with journal_at(None) as journal:
        journal.record("a", 0)
        journal.record_load("a", 0, seconds=1.0, bytes=1)
        await journal.flush()

        assert not journal.enabled
        assert (journal.history, journal.lost) == (History(), 0)


async def test_a_service_that_is_killed_loses_only_what_was_not_flushed(path: Path) -> None:
    """Fault found: the transaction stayed open until the next flush."""
    async with journal_at(path) as journal:
        journal.record("flushed", 0)
        await journal.flush()
        journal.record("unflushed", 0)

        assert models(read_history(path)) == ["flushed"]


async def test_what_is_recorded_during_a_flush_is_for_the_next_one(path: Path) -> None:
    """Fault found: what was gathered was thrown away when the write ended, not when it began."""
    async with journal_at(path) as journal:
        journal.record("a", 0)
        with another_writes(path):
            flush = asyncio.create_task(journal.flush())
            await settle()
            journal.record("b", 0)
        await flush
        assert models(read_history(path)) == ["a"]

        await journal.flush()
        assert models(read_history(path)) == ["a", "b"]


async def test_flushes_write_one_after_another(path: Path) -> None:
    """Fault found: with threads from a pool the second flush came first, or met the first."""
    async with journal_at(path) as journal:
        with another_writes(path):
            journal.record("a", 0)
            first = asyncio.create_task(journal.flush())
            await settle()
            journal.record("b", 0)
            second = asyncio.create_task(journal.flush())
            await settle()
        await asyncio.gather(second, first)

        assert models(read_history(path)) == ["a", "b"]


async def test_a_flush_whose_caller_goes_away_is_written_nonetheless(path: Path) -> None:
    """Fault found: cancelled behind another write, it was never begun: shutting down does that."""
    async with journal_at(path) as journal:
        with another_writes(path):
            for name in ("a", "b"):
                journal.record(name, 0)
                flush = asyncio.create_task(journal.flush())
                await settle()
                flush.cancel()
                await asyncio.gather(flush, return_exceptions=True)
            journal.record("c", 0)

    assert models(read_history(path)) == ["a", "b", "c"]


async def test_it_flushes_again_and_again(path: Path) -> None:
    async with journal_at(path) as journal:
        seen: list[tuple[float, list[str]]] = []

        async def sleep(seconds: float) -> None:
            seen.append((seconds, models(read_history(path))))
            if len(seen) == 3:
                raise asyncio.CancelledError
            journal.record("a", 0)

        with pytest.raises(asyncio.CancelledError):
            await journal.run(0.5, sleep)

        assert seen == [(0.5, []), (0.5, ["a"]), (0.5, ["a", "a"])]


async def test_closing_twice_is_harmless_and_nothing_is_recorded_any_more(path: Path) -> None:
    """Fault found: what came late was gathered for ever."""
    async with journal_at(path) as journal:
        await journal.aclose()
        journal.record("late", 0)
        await journal.flush()

        assert not journal.enabled
        assert models(read_history(path)) == []


async def test_what_cannot_be_written_yet_is_bounded_and_the_oldest_goes(path: Path) -> None:
    """Fault found: memory grew while a disk hung."""
    async with journal_at(path, max_unwritten=3) as journal:
        for name in "abcde":
            journal.record(name, 0)
            journal.record_load(name, 0, seconds=1.0, bytes=1)

        assert journal.lost == 4
        await journal.flush()
        assert models(read_history(path)) == ["c", "d", "e"]
        assert set(read_history(path).loads) == {"c", "d", "e"}


async def test_two_services_may_write_to_the_same_file(path: Path) -> None:
    async with journal_at(path) as one, journal_at(path) as other:
        for _ in range(50):
            one.record("one", 0)
            other.record("other", 0)
            await asyncio.gather(one.flush(), other.flush())

        assert (one.lost, other.lost) == (0, 0)
    assert sorted(models(read_history(path))) == ["one"] * 50 + ["other"] * 50


@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [
        ("folder", "it is not a regular file"),
        ("device", "it is not a regular file"),
        ("file/journal.sqlite", "File exists"),
    ],
)
async def test_where_no_file_can_be_the_journal_is_off(
    tmp_path: Path, obstacle: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault found: SQLite tried the folder and the device, and did not say what was wrong."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "device").symlink_to("/dev/null")
    path = tmp_path / obstacle

    async with journal_at(path) as journal:
        journal.record("a", 0)
        await journal.flush()

        assert not journal.enabled
    (message,) = caplog.messages
    assert message.startswith(f"accesses are not recorded, {path} cannot be used: ")
    assert reason in message


async def test_what_could_not_be_written_is_counted(path: Path) -> None:
    """Fault found: the count from before the write was put back after it."""
    async with journal_at(path, max_unwritten=1) as journal:
        journal.record("\ud800", 0)
        with another_writes(path):
            flush = asyncio.create_task(journal.flush())
            await settle()
            journal.record("a", 0)
            journal.record("b", 0)
        await flush

        assert journal.lost == 2

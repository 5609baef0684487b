import logging
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from models.journal import JournalError, read_history
from models.journal_file import AccessRow, JournalFile, Rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@contextmanager
def file_at(path: Path, *, max_accesses: int = 1000) -> Iterator[JournalFile]:
    file = JournalFile(path, max_accesses, max_loads=10)
    file.open()
    yield file
    file.close()


def make(path: Path, *names: str) -> Rows | None:
    """What was there before."""
    file = JournalFile(path, max_accesses=1000, max_loads=1000)
    rows = file.open()
    file.write(asked(*names), [])
    file.close()
    return rows


def asked(*names: str) -> list[AccessRow]:
    return [(0.0, name) for name in names]


def models(path: Path) -> list[str]:
    return [access.model for access in read_history(path).accesses]


def beside(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.iterdir()}


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """No file can grow beyond `free` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_nobody_else_may_read_the_file_nor_what_sqlite_puts_beside_it(path: Path) -> None:
    """Fault found: the file got the mode that the umask leaves, 0644."""
    with file_at(path) as file:
        file.write(asked("a"), [])

        assert beside(path) == {f"{path.name}{end}" for end in ("", "-wal", "-shm")}
        assert {entry.stat().st_mode & 0o777 for entry in path.parent.iterdir()} == {0o600}


def test_only_the_newest_accesses_are_kept_and_their_models(path: Path) -> None:
    """Fault found: names of models that nobody asks for any more were kept for ever."""
    with file_at(path, max_accesses=20) as file:
        for number in range(105):
            file.write(asked(f"m{number}"), [])

    assert models(path) == [f"m{number}" for number in range(87, 105)]
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM model").fetchone() == (18,)


def test_old_accesses_are_removed_many_at_a_time(path: Path) -> None:
    """Fault found: every write removed as many as it added."""
    counts = []
    with file_at(path, max_accesses=20) as file:
        for _ in range(24):
            file.write(asked("a"), [])
            counts.append(len(models(path)))

    assert counts[-7:] == [18, 19, 20, 18, 19, 20, 18]


def test_only_the_newest_loads_are_kept(path: Path) -> None:
    """Fault found: the bound held for accesses only."""
    with file_at(path) as file:
        file.write([], [(0.0, f"m{number}", 1.0, 1) for number in range(50)])

    assert set(read_history(path).loads) == {f"m{number}" for number in range(41, 50)}


def test_the_file_does_not_grow_beyond_what_it_keeps(path: Path) -> None:
    """Fault found: nothing was removed."""
    sizes = []
    with file_at(path, max_accesses=500) as file:
        for number in range(1500):
            file.write(asked(f"m{number % 7}") * 50, [])
            sizes.append(sum(entry.stat().st_size for entry in path.parent.iterdir()))

    assert max(sizes) < 2_500_000
    assert path.stat().st_size < 100_000


def test_a_full_disk_is_logged_once_and_when_it_is_over(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Faults found: every write logged, or raised."""
    caplog.set_level(logging.INFO)
    with file_at(path) as file:
        assert file.write(asked("before"), []) == 0
        with full_disk(200_000):
            assert [file.write(asked("lost") * 20_000, []) for _ in range(3)] == [20_000] * 3
        assert file.write(asked("after"), []) == 0

    assert models(path) == ["before", "after"]
    first, last = caplog.messages
    assert first.startswith(f"accesses cannot be written to {path}: ")
    assert last == f"accesses are written to {path} again"


@pytest.mark.parametrize(("name", "size"), [("\ud800", 1), ("a", 2**63)])
def test_what_sqlite_cannot_take_is_lost_like_anything_else(
    path: Path, name: str, size: int
) -> None:
    """Fault found: what was no database error ended the background task, and with it readiness."""
    with file_at(path) as file:
        assert file.write([], [(0.0, name, 1.0, size)]) == 1


def test_a_journal_whose_folder_is_deleted_begins_anew(path: Path) -> None:
    """Fault found: it went on in the deleted file, which nobody will ever read."""
    with file_at(path) as file:
        file.write(asked("deleted"), [])
        shutil.rmtree(path.parent)
        file.write(asked("kept"), [])

        assert models(path) == ["kept"]


def test_a_file_that_takes_its_place_later_is_not_renamed(path: Path) -> None:
    """Fault found: two releases that share a path renamed each other's file every second."""
    with file_at(path) as file:
        path.unlink()
        path.write_text("of another release")

        assert file.write(asked("a"), []) == 1
    assert path.read_text() == "of another release"


def test_services_that_start_at_once_make_one_file(tmp_path: Path) -> None:
    """Fault found: who came second made the tables once more, and failed."""
    with ThreadPoolExecutor(4) as threads:
        for number in range(20):
            path = tmp_path / f"{number}.sqlite"
            found = list(threads.map(make, [path] * 4, "abcd"))
            assert None not in found
            assert sorted(models(path)) == list("abcd")


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (None, "name the file a service writes"),
        (b"", r"its version is 0, not 1\): name the file"),
        (b"dear diary" * 100, r"file is not a database\): name the file"),
    ],
)
def test_reading_what_is_no_journal_says_what_to_do(
    tmp_path: Path, content: bytes | None, advice: str
) -> None:
    """Fault found: an empty file was made where a name was misspelt."""
    path = tmp_path / "journal.sqlite"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(JournalError, match=advice):
        read_history(path)

    assert path.exists() == (content is not None)


def test_reading_what_a_killed_service_left_changes_nothing(path: Path, tmp_path: Path) -> None:
    """Fault found: opened for writing, the log was written back and removed."""
    copy = tmp_path / "copy" / path.name
    with file_at(path) as file:
        file.write(asked("a"), [])
        shutil.copytree(path.parent, copy.parent)
    before = copy.read_bytes()

    assert models(copy) == ["a"]
    assert copy.read_bytes() == before

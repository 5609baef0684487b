import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from models.journal import read_history
from models.journal_file import JournalFile, Rows

NOTHING: Rows = ([], [])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


def make(path: Path, *names: str) -> Rows | None:
    """What was there before."""
    file = JournalFile(path, max_accesses=1000, max_loads=1000)
    rows = file.open()
    file.write([(0.0, name) for name in names], [])
    file.close()
    return rows


def models(path: Path) -> list[str]:
    return [access.model for access in read_history(path).accesses]


def beside(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.iterdir()}


def run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("damage", ["text", "truncated", "header", "other version", "other tables"])
def test_a_file_that_is_no_journal_is_renamed_and_an_empty_one_takes_its_place(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault found: other tables were noticed by the first write only, and at each start."""
    make(path, *("a" * 1000))
    whole = path.read_bytes()
    match damage:
        case "text":
            path.write_text("dear diary, " * 1000)
        case "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        case "header":
            path.write_bytes(whole[:50] + b"?" * 100 + whole[150:])
        case "other version":
            run(path, "PRAGMA user_version = 7")
        case "other tables":
            run(path, "ALTER TABLE access RENAME TO visit")
    damaged = path.read_bytes()

    assert make(path, "b") == NOTHING

    assert path.with_name("journal.sqlite.corrupt-1").read_bytes() == damaged
    assert models(path) == ["b"]
    [message] = [r.getMessage() for r in caplog.records if r.name == "models.journal_file"]
    assert message.startswith(f"{path} is no access journal: ")
    assert "It is now journal.sqlite.corrupt-1, and an empty one takes its place" in message


def test_damage_outside_of_the_accesses_is_noticed_too(path: Path) -> None:
    """Fault found: only what was read was looked at; then every write failed, at each start."""
    make(path, *(f"model{number:0200}" for number in range(1000)))
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name LIKE 'sqlite_autoindex_model%'"
        (page,) = connection.execute(query).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    assert make(path) == NOTHING


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    path.parent.mkdir()
    path.touch()

    make(path, "a")

    assert beside(path) == {"journal.sqlite"}
    assert models(path) == ["a"]


def test_a_renamed_file_keeps_its_log(path: Path) -> None:
    """Fault found: another release wrote on into the log of the new file."""
    make(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other_release:
        other_release.execute("PRAGMA user_version = 7")
        make(path, "a")

        assert models(path) == ["a"]
        aside = {f"journal.sqlite.corrupt-1{end}" for end in ("", "-wal", "-shm")}
        assert beside(path) >= aside
        with closing(sqlite3.connect(path.with_name("journal.sqlite.corrupt-1"))) as found:
            assert found.execute("PRAGMA user_version").fetchone() == (7,)


def test_the_last_three_damaged_files_are_kept(path: Path) -> None:
    """Fault found: a disk that damages files was filled by them."""
    path.parent.mkdir()
    for number in range(5):
        path.write_text(f"damaged {number}")
        make(path)

    kept = {f"journal.sqlite.corrupt-{number}" for number in (3, 4, 5)}
    assert beside(path) == {"journal.sqlite", *kept}
    assert path.with_name("journal.sqlite.corrupt-5").read_text() == "damaged 4"

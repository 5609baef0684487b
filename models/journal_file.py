"""The file of the access journal: a SQLite database that several services may have open at once."""

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

_log = logging.getLogger(__name__)

VERSION = 1
"""Of the schema; kept in `user_version`."""

_SCHEMA = (
    "CREATE TABLE model(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE access(id INTEGER PRIMARY KEY, at REAL NOT NULL, model INTEGER NOT NULL)",
    """CREATE TABLE load(id INTEGER PRIMARY KEY, at REAL NOT NULL, model INTEGER NOT NULL,
       seconds REAL NOT NULL, bytes INTEGER NOT NULL)""",
    f"PRAGMA user_version = {VERSION}",
)

_ENDS = "SELECT ifnull((SELECT min(id) FROM {0}), 0), ifnull((SELECT max(id) FROM {0}), -1)"
_CUT = "DELETE FROM {0} WHERE id <= ?"
_FORGET = """DELETE FROM model
             WHERE id NOT IN (SELECT model FROM access UNION SELECT model FROM load)"""

_PATIENCE = 2.0
"""Seconds to wait for another service that writes."""

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 250",  # pages
    "PRAGMA journal_size_limit = 2000000",  # bytes
)

_KEPT_ASIDE = 3
_NO_JOURNAL = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_UNUSABLE = (sqlite3.Error, OSError, OverflowError, UnicodeError)

AccessRow = tuple[float, str]
"""Wall-clock time in unix seconds, model."""

LoadRow = tuple[float, str, float, int]
"""Wall-clock time in unix seconds, model, seconds the load took, bytes it needs."""

Rows = tuple[list[AccessRow], list[LoadRow]]


class NoJournal(Exception):
    """The file is damaged, of another version, or something else; the message says which."""


class JournalFile:
    """Writes to the file, and begins a new one when it has gone. Never raises.

    Every call has to come from the same thread. At most `max_accesses` and `max_loads` are kept:
    the oldest tenth goes when there are more.
    """

    def __init__(self, path: Path, max_accesses: int, max_loads: int) -> None:
        self._path = path
        self._bounds = {"access": max_accesses, "load": max_loads}
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._failing = False

    def open(self) -> Rows | None:
        """What is there already, oldest first; None when nothing can be kept there."""
        try:
            try:
                return read(self._connect())
            except NoJournal as error:
                self.close()
                aside = _set_aside(self._path)
                text = "%s is no access journal: %s. It is now %s, and an empty one takes its place"
                _log.warning(text, self._path, error, aside.name)
                return read(self._connect())
        except (*_UNUSABLE, NoJournal) as error:
            _log.warning("accesses are not recorded, %s cannot be used: %s", self._path, error)
            self.close()
            return None

    def write(self, accesses: Sequence[AccessRow], loads: Sequence[LoadRow]) -> int:
        """All or nothing; how many were lost. Logged is only the first time in a row."""
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            with connection:  # commits, or rolls back
                _append(connection, accesses, loads)
                self._prune(connection)
        except (*_UNUSABLE, NoJournal) as error:
            self.close()
            if not self._failing:
                _log.warning("accesses cannot be written to %s: %s", self._path, error)
            self._failing = True
            return len(accesses) + len(loads)
        if self._failing:
            _log.info("accesses are written to %s again", self._path)
        self._failing = False
        return 0

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        """The connection to what is at the path now, not to what was there and is deleted."""
        if self._connection is None or self._identity != _identity(self._path):
            self.close()
            self._connection = _open_or_create(self._path)
            self._identity = _identity(self._path)
        return self._connection

    def _prune(self, connection: sqlite3.Connection) -> None:
        for table, bound in self._bounds.items():
            oldest, newest = connection.execute(_ENDS.format(table)).fetchone()
            if newest - oldest >= bound:
                connection.execute(_CUT.format(table), (newest - bound + bound // 10,))
                connection.execute(_FORGET)


def read(connection: sqlite3.Connection) -> Rows:
    """All accesses and loads, oldest first. Raises NoJournal."""
    with _judged(), connection:
        connection.execute("BEGIN")
        names = dict(connection.execute("SELECT id, name FROM model"))
        accesses = connection.execute("SELECT at, model FROM access ORDER BY id").fetchall()
        loads = connection.execute("SELECT at, model, seconds, bytes FROM load ORDER BY id")
        return (
            [(at, names[model]) for at, model in accesses if model in names],
            [(at, names[model], *figures) for at, model, *figures in loads if model in names],
        )


def read_only(path: Path) -> Rows:
    """The same of a journal that others may be writing. Raises NoJournal and sqlite3.Error."""
    with closing(_join(path, "ro")) as connection:
        with _judged():
            _check(connection)
        return read(connection)


def _join(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE, isolation_level=None
    )


def _open_or_create(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if not path.is_file():
        raise OSError("it is not a regular file")
    with ExitStack() as stack:
        connection = stack.enter_context(closing(_join(path, "rw")))
        with _judged():
            if _is_blank(connection):
                _make(connection)
            _check(connection)
            _set(connection)
        stack.pop_all()
    return connection


def _set(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + _PATIENCE
    for setting in _SETTINGS:
        while True:
            try:
                connection.execute(setting)
                break
            except sqlite3.OperationalError:  # SQLite doesn't wait for who begins the log
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)


def _is_blank(connection: sqlite3.Connection) -> bool:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return not tables


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if _is_blank(connection):  # else another service was first
            for statement in _SCHEMA:
                connection.execute(statement)


def _check(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise NoJournal(f"its version is {version}, not {VERSION}")
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise NoJournal(found)


def _append(
    connection: sqlite3.Connection, accesses: Sequence[AccessRow], loads: Sequence[LoadRow]
) -> None:
    names = {row[1] for row in (*accesses, *loads)}
    connection.executemany("INSERT OR IGNORE INTO model(name) VALUES(?)", zip(names, strict=True))
    ids: dict[str, int] = dict(connection.execute("SELECT name, id FROM model"))
    connection.executemany(
        "INSERT INTO access(at, model) VALUES(?, ?)", [(at, ids[name]) for at, name in accesses]
    )
    connection.executemany(
        "INSERT INTO load(at, model, seconds, bytes) VALUES(?, ?, ?, ?)",
        [(at, ids[name], seconds, size) for at, name, seconds, size in loads],
    )


def _identity(path: Path) -> tuple[int, int] | None:
    found = path.stat() if path.exists() else None
    return found and (found.st_dev, found.st_ino)


def _set_aside(path: Path) -> Path:
    """Rename the file, its log first: a log without its file would be taken for the next one's."""
    prefix = f"{path.name}.corrupt-"
    names = [entry.name for entry in path.parent.iterdir() if entry.name.startswith(prefix)]
    numbers = sorted(int(end) for name in names if (end := name.removeprefix(prefix)).isdecimal())
    aside = path.with_name(f"{prefix}{(numbers[-1] if numbers else 0) + 1}")
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
        for number in numbers[: len(numbers) + 1 - _KEPT_ASIDE]:
            path.with_name(f"{prefix}{number}{suffix}").unlink(missing_ok=True)
    return aside


@contextmanager
def _judged() -> Iterator[None]:
    """Tell a file that is no journal from one that cannot be used just now."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _NO_JOURNAL:
            raise NoJournal(str(error)) from error
        raise

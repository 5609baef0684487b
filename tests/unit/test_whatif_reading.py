"""Where traces come from: files, and a service's journal."""

from pathlib import Path

import pytest

from models.journal import Access as Asked
from models.journal import History, LoadFigures
from whatif.errors import WhatIfError
from whatif.reading import read_trace
from whatif.trace import Access, Thing, Trace, of_history

CSV = """at,model,bytes,load_seconds
2.5,b,200,0.25
1,a,100,1.5
3,a,,
"""
JSON_LINES = """{"at": 2.5, "model": "b", "bytes": 200, "load_seconds": 0.25}
{"at": 1, "model": "a", "bytes": 100, "load_seconds": 1.5}

{"at": 3, "model": "a"}
"""
FOUND = Trace(
    {"a": Thing(100, 1.5), "b": Thing(200, 0.25)},
    (Access(1.0, "a"), Access(2.5, "b"), Access(3.0, "a")),
)


def write(folder: Path, text: str, name: str = "trace.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "name"), [(CSV, "t.csv"), (JSON_LINES, "t.jsonl")])
def test_a_trace_is_read_in_the_order_of_time(tmp_path: Path, text: str, name: str) -> None:
    """Fails when lines are taken in the order of the file."""
    assert read_trace(write(tmp_path, text, name)) == FOUND
    assert (FOUND.bytes, FOUND.largest, FOUND.seconds) == (300, 200, 2.0)
    assert FOUND.load_seconds == 1.5 + 0.25 + 1.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the first line has to be at,model"),
        ("when,who\n1,a\n", "line 1: the first line has to be at,model"),
        ("at,model\n", "has no accesses"),
        ("at,model,bytes,load_seconds\n1,a,5,1\nsoon,a,,\n", "line 3: at is 'soon'"),
        ("at,model,bytes,load_seconds\n1,a,5,1\nnan,a,,\n", "line 3: at is 'nan'"),
        ("at,model,bytes,load_seconds\n1,a,0,1\n", "line 2: bytes is '0'"),
        ("at,model,bytes,load_seconds\n1,a,1.5,1\n", "line 2: bytes is '1.5'"),
        ("at,model,bytes,load_seconds\n1,a,5,-1\n", "line 2: load_seconds is '-1'"),
        ("at,model,bytes,load_seconds\n1,a,5,\n", "line 2: bytes and load_seconds come together"),
        ("at,model,bytes,load_seconds\n1,a\n", "line 2: 2 values, and the header names 4"),
        ("at,model\n1,\n", "line 2: at and model have to be there"),
        ("at,model,bytes,load_seconds\n1,a,5,1\n2,b,,\n", "line 3: nowhere are bytes"),
    ],
)
def test_what_is_wrong_in_csv_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    """Fails when NaN is a time, and when a line with too few values is read."""
    with pytest.raises(WhatIfError, match=r"trace\.csv") as error:
        read_trace(write(tmp_path, text))
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at,model\n", "line 1: this is no JSON"),
        ("[1]\n", "line 1: write an object"),
        ('{"at": 1, "model": "a", "size": 3}\n', "line 1: write an object with no other names"),
        ('\n{"at": true, "model": "a"}\n', "line 2: at is True"),
        ('{"at": 1, "model": 7}\n', "line 1: model is 7"),
        ('{"at": 1, "model": "a", "bytes": 1.5, "load_seconds": 1}\n', "line 1: bytes is 1.5"),
        ('{"at": 1, "model": "a", "bytes": 1, "load_seconds": [1]}\n', "load_seconds is [1]"),
    ],
)
def test_what_is_wrong_in_json_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    """Fails when true is a number, and when blank lines do not count."""
    with pytest.raises(WhatIfError, match=r"trace\.jsonl") as error:
        read_trace(write(tmp_path, text, "trace.jsonl"))
    assert says in str(error.value)


def test_a_file_that_is_not_there_or_no_text_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"at,model\n1,\xff\xfe\n")

    for name in ("missing.csv", "binary.csv"):
        with pytest.raises(WhatIfError, match=f"{name} cannot be read"):
            read_trace(tmp_path / name)


def test_models_without_figures_get_the_assumed_ones(tmp_path: Path) -> None:
    """Fails when the assumed ones take the place of those that are known."""
    assumed = Thing(7, 7.0)

    found = read_trace(write(tmp_path, "at,model,bytes,load_seconds\n1,a,5,1\n2,b,,\n"), assumed)

    assert found.things == {"a": Thing(5, 1.0), "b": assumed}


HISTORY = History(
    (Asked(1.0, "a"), Asked(2.0, "b"), Asked(3.0, "a"), Asked(4.0, "b")),
    {"a": LoadFigures(1.5, 100, 2), "never asked": LoadFigures(1.0, 1, 1)},
)


def test_a_journals_models_that_were_never_loaded_are_left_out_and_counted() -> None:
    """Fails when they are replayed with no bytes."""
    found = of_history(HISTORY)

    assert found == Trace({"a": Thing(100, 1.5)}, (Access(1.0, "a"), Access(3.0, "a")), {"b": 2})


def test_a_journals_models_that_were_never_loaded_may_get_assumed_figures() -> None:
    """Fails when the assumed figures take the place of the known ones."""
    found = of_history(HISTORY, Thing(7, 7.0))

    assert found.things == {"a": Thing(100, 1.5), "b": Thing(7, 7.0)}
    assert (len(found.accesses), found.left_out) == (4, {})


@pytest.mark.parametrize(
    ("history", "says"),
    [(History(), "is empty"), (History((Asked(1.0, "a"),), {}), "1 accesses and no load")],
)
def test_a_journal_with_nothing_to_replay_is_an_error(history: History, says: str) -> None:
    """Fails when an empty table is printed for it."""
    with pytest.raises(WhatIfError, match=says):
        of_history(history)

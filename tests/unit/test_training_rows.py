"""Labelled texts, one JSON object a line."""

from pathlib import Path

import pytest

from models.labelled.rows import DataError, Row, read_rows, write_rows


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Line ends of all kinds inside a text are no line ends of the file."""
    rows = [Row("a\u2028b\x85c", "benign", "s"), Row("zwei\nZeilen", "jailbreak", "")]

    write_rows(tmp_path / "rows.jsonl", rows)

    assert read_rows(tmp_path / "rows.jsonl") == rows


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "line 2: no JSON"),
        ("[]", "line 2: no object"),
        ('{"text": 1, "label": "benign"}', "line 2: text, label and source are strings"),
        ('{"text": " ", "label": "benign"}', "line 2: text and label must not be empty"),
        ('{"text": "a"}', "line 2: text and label must not be empty"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, why: str) -> None:
    """With its number, so that it can be found."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"text": "a", "label": "benign"}}\n{line}\n')

    with pytest.raises(DataError, match=why):
        read_rows(path)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)

    with pytest.raises(DataError, match="has no rows"):
        read_rows(path)


def test_what_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    """A missing file, a folder, and what is no UTF-8."""
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    for name in ("missing", ".", "latin"):
        with pytest.raises(DataError, match="cannot be read"):
            read_rows(tmp_path / name)


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """Planted fault: the file itself was opened for writing."""
    path = tmp_path / "rows.jsonl"
    write_rows(path, [Row("a", "benign", "s")])

    with pytest.raises(UnicodeEncodeError):
        write_rows(path, [Row("b", "benign", "s"), Row("\ud800", "benign", "s")])

    assert read_rows(path) == [Row("a", "benign", "s")]

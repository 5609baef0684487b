"""The list of rows that holds no text."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.labelled.rows import DataError, Row, write_rows
from training.dataset.record import main as record
from training.dataset.wanted import Kind, digest, read_wanted, wanted_text

HEX = "0123456789abcdef"
GOOD = f"kind a benign s\nsplit train {HEX * 4}\na {HEX}\nsplit test {HEX * 4}\n"


def written(folder: Path, train: list[Row], test: list[Row]) -> Path:
    write_rows(folder / "train.jsonl", train)
    write_rows(folder / "test.jsonl", test)
    return folder


def test_the_list_of_two_files_gives_their_rows_in_order(tmp_path: Path) -> None:
    """Planted fault: the digests sorted."""
    rows = [Row(text, "benign", "s") for text in ("one", "two", "three", "four")]
    folder = written(tmp_path, rows, [Row("bad", "jailbreak", "t")])
    path = tmp_path / "wanted.txt"

    assert record([str(folder)], path) == 0
    train, test = read_wanted(path)

    assert [row.digest for row in train.rows] == [digest(row.text) for row in rows]
    assert {row.kind for row in train.rows} == {Kind("benign", "s")}
    assert [row.kind for row in test.rows] == [Kind("jailbreak", "t")]
    content = (folder / "train.jsonl").read_bytes()
    assert train.sha256 == hashlib.sha256(content).hexdigest()


def test_the_list_holds_no_text(tmp_path: Path) -> None:
    folder = written(tmp_path, [Row("a secret", "benign", "s")], [Row("b", "benign", "s")])

    assert "secret" not in wanted_text(folder)


def test_the_committed_list_has_the_rows_of_both_splits_once() -> None:
    train, test = read_wanted()
    digests = Counter(row.digest for split in (train, test) for row in split.rows)

    assert (len(train.rows), len(test.rows)) == (16_499, 2_623)
    assert digests.most_common(1)[0][1] == 1


@given(st.text())
def test_any_text_has_a_digest_of_sixteen_hex_digits(text: str) -> None:
    """Lone surrogates too, which JSON may hold. Planted fault: strict UTF-8."""
    assert len(digest(text)) == 16
    assert set(digest(text + "\ud800")) <= set(HEX)


@pytest.mark.parametrize(
    "damage",
    [
        GOOD.replace(f"a {HEX}", f"b {HEX}"),
        GOOD.replace(f"a {HEX}", f"a {HEX[:-1]}"),
        GOOD.replace("benign", "harmless"),
        GOOD.replace(HEX * 4, HEX),
        GOOD.replace("split test", "split other"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "wanted.txt"
    path.write_text(damage, encoding="utf-8")

    with pytest.raises(DataError, match=r"wanted\.txt, line \d+ is damaged"):
        read_wanted(path)


def test_a_list_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    """Planted fault: the check of the splits' names removed."""
    path = tmp_path / "wanted.txt"
    path.write_text(GOOD.partition("split test")[0], encoding="utf-8")

    with pytest.raises(DataError, match="does not hold the splits train and test"):
        read_wanted(path)


def test_recording_a_folder_without_files_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "wanted.txt"
    target.write_text(GOOD, encoding="utf-8")

    assert record([str(tmp_path)], target) == 1
    assert target.read_text(encoding="utf-8") == GOOD
    assert capsys.readouterr().err.startswith("error: ")


def test_recording_without_a_folder_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert record([]) == 2
    assert "usage: " in capsys.readouterr().err

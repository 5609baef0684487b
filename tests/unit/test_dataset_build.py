"""How wanted rows find their texts, and how they are written."""

from pathlib import Path

import pytest

from models.labelled.rows import DataError, Row, write_rows
from training.dataset.build import Count, built_rows, counts, find_texts
from training.dataset.compare import differences, without
from training.dataset.publish import publish
from training.dataset.report import missing, table
from training.dataset.sources import STDLIB, Extractor
from training.dataset.wanted import Kind, Split, WantedRow, digest, file_digest

A, B = Kind("benign", "a"), Kind("jailbreak", "b")


def split(name: str, *rows: tuple[Kind, str], sha256: str = "") -> Split:
    return Split(name, sha256, tuple(WantedRow(kind, digest(text)) for kind, text in rows))


def source(*texts: str) -> Extractor:
    return lambda: iter(texts)


def silent(line: str) -> None: ...


def test_rows_come_in_the_order_of_the_list_with_their_labels() -> None:
    """Planted fault: the order of the digests."""
    asked = [(B, "two"), (A, "six"), (A, "one"), (A, "ten"), (A, "five"), (B, "four")]
    train = split("train", *asked)
    sources = {"a": source("five", "one", "no", "six", "ten"), "b": source("four", "two")}

    assert built_rows(train, find_texts([train], sources, silent)) == [
        Row(text, kind.label, kind.source) for kind, text in asked
    ]


def test_a_text_of_another_source_is_not_taken() -> None:
    """Planted fault: texts found by their digest alone."""
    wanted = [split("train", (A, "one"), (B, "two"))]
    found = find_texts(wanted, {"a": source("two"), "b": source()}, silent)

    assert counts(wanted, found) == {("a", "benign"): Count(1, 0), ("b", "jailbreak"): Count(1, 0)}


def test_sources_that_nothing_is_wanted_of_are_not_read() -> None:
    def unread() -> None:
        pytest.fail("was read")

    find_texts([split("train", (A, "one"))], {"a": source("one"), "b": unread}, silent)  # type: ignore[dict-item]


def test_a_list_that_names_an_unknown_source_is_refused() -> None:
    with pytest.raises(DataError, match="unknown sources: b"):
        find_texts([split("train", (B, "one"))], {"a": source()}, silent)


def test_rows_of_the_standard_library_are_counted_apart() -> None:
    number = {("a", "benign"): Count(5, 3), (STDLIB, "benign"): Count(9, 2)}

    assert missing(number) == (7, 2)
    assert table(number).splitlines()[-1].split() == ["all", "14", "5"]


def test_both_files_are_written_byte_for_byte_as_listed(tmp_path: Path) -> None:
    rows = [Row("é\u2028", "benign", "a")]
    write_rows(tmp_path / "given.jsonl", rows)
    listed = file_digest(tmp_path / "given.jsonl")
    splits = [split(name, (A, "é\u2028"), sha256=listed) for name in ("train", "test")]

    lines = publish(splits, {"train": rows, "test": rows}, tmp_path / "out")

    assert all(line.endswith(".jsonl: 1 rows, byte for byte as listed") for line in lines)
    assert (tmp_path / "out" / "test.jsonl").read_bytes() == (tmp_path / "given.jsonl").read_bytes()


def test_nothing_is_written_when_one_file_is_not_as_listed(tmp_path: Path) -> None:
    """Planted fault: each split replaced as soon as it is written."""
    rows = [Row("one", "benign", "a")]
    write_rows(tmp_path / "given.jsonl", rows)
    listed = file_digest(tmp_path / "given.jsonl")
    splits = [
        split("train", (A, "one"), sha256=listed),
        split("test", (A, "one"), sha256="0" * 64),
    ]

    with pytest.raises(DataError, match=r"test\.jsonl is not, byte for byte"):
        publish(splits, {"train": rows, "test": rows}, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")

    with pytest.raises(DataError, match="out cannot be written"):
        publish([split("train")], {"train": []}, tmp_path / "out")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([Row("1", "benign", "a"), Row("2", "benign", "a")], []),
        ([Row("2", "benign", "a"), Row("1", "benign", "a")], ["the order is another one"]),
        ([Row("1", "benign", "a")], ["1 rows are new, such as '2'"]),
        (
            [Row("1", "jailbreak", "a"), Row("2", "benign", "a"), Row("x" * 99, "benign", "a")],
            [
                f"1 rows were not rebuilt, such as '{'x' * 60}…'",
                "1 rows have another label or source, such as '1'",
            ],
        ),
        (
            [Row("1", "benign", "a"), Row("2", "benign", "a"), Row("2", "benign", "a")],
            ["some rows are repeated"],
        ),
    ],
)
def test_two_versions_of_a_split_are_told_apart(given: list[Row], told: list[str]) -> None:
    assert differences([Row("1", "benign", "a"), Row("2", "benign", "a")], given) == told


def test_only_absent_rows_of_the_named_source_are_excused() -> None:
    """Planted fault: all rows of the source left out."""
    rows = [Row("1", "benign", STDLIB), Row("2", "benign", STDLIB), Row("3", "benign", "a")]

    assert without(rows, {"1"}, STDLIB) == [rows[0], rows[2]]

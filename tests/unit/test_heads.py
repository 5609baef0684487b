"""Heads that registration fits: what they are fitted on and judged by, and the floor. No torch."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.card import Card, read_card, write_card
from models.errors import RegistrationFailed
from models.heads_card import head_as_written
from models.labelled.rows import LABELS, Row, write_rows
from models.labelled.scores import score
from models.registration.heads.floor import FLOOR, check_floor
from models.registration.heads.lesson import Lesson, Teaching, read_lesson
from models.registration.heads.progress import Progress, Watcher, told
from models.registration.heads.sampling import apart, in_order, sample
from models.spec import FittedHead, HeadClass, ModelSpec

SPEC = ModelSpec("mine", "dir:/m")
HEAD = FittedHead(
    data="train.jsonl",
    data_digest="d1",
    rows=100,
    available=1000,
    judge="test.jsonl",
    judge_digest="d2",
    judged=50,
    macro_f1=0.69,
    ece=0.04,
    classes=(HeadClass("benign", 40, 0.9, 0.8, 0.85), HeadClass("jailbreak", 10, None, 0.0, 0.0)),
    floor=FLOOR,
    forced=True,
    pooling="mean and first token",
    penalty=0.01,
    temperature=0.8,
)
rows_of = st.lists(
    st.builds(Row, st.text(min_size=1, max_size=5), st.sampled_from("abc"), st.just("s")),
    max_size=60,
    unique_by=lambda row: row.text,
)


def rows(count: int, *labels: str, start: int = 0) -> list[Row]:
    return [Row(f"text {start + n}", labels[n % len(labels)], "made") for n in range(count)]


def lesson(folder: Path, teaching: Teaching, spec: ModelSpec = SPEC) -> Lesson:
    return read_lesson(teaching, spec, folder / "built")


def refusal(folder: Path, teaching: Teaching) -> str:
    with pytest.raises(RegistrationFailed) as refused:
        lesson(folder, teaching)
    return str(refused.value)


@given(rows_of, st.integers(1, 70))
def test_a_sample_is_a_part_of_the_rows_in_their_order(some: list[Row], most: int) -> None:
    found = sample(some, most)

    assert len(found) == min(most, len(some))
    assert [row for row in some if row in set(found)] == found


def test_a_sample_has_the_shares_of_the_labels_and_leaves_none_out() -> None:
    """Planted fault: the first rows by digest alone, which left the rare label out."""
    many = [*rows(900, "a"), *rows(98, "b", start=900), *rows(2, "c", start=998)]

    found = Counter(row.label for row in sample(many, 100))

    assert found["a"] == pytest.approx(90, abs=2)
    assert found["b"] == pytest.approx(10, abs=2)
    assert found["c"] >= 1


@given(rows_of)
def test_of_each_label_something_is_set_apart(some: list[Row]) -> None:
    """Planted fault: one text in eight of all, whatever its label."""
    out = [row for row, is_apart in zip(some, apart(some, 8), strict=True) if is_apart]

    assert {row.label for row in out} == {row.label for row in some}


@pytest.mark.parametrize(
    ("found", "renamed", "labels"),
    [
        (set(LABELS), {}, LABELS),
        ({"jailbreak", "benign"}, {}, ("benign", "jailbreak")),
        ({"spam", "ham"}, {}, ("ham", "spam")),
        ({"spam", "ham"}, {"spam": "bad", "ham": "good"}, ("spam", "ham")),
    ],
)
def test_labels_come_in_the_catalogues_order_or_sorted(
    found: set[str], renamed: dict[str, str], labels: tuple[str, ...]
) -> None:
    assert in_order(found, renamed) == labels


def test_without_the_built_data_the_error_says_how_to_build_them(tmp_path: Path) -> None:
    told_ = refusal(tmp_path, Teaching())

    assert "build/dataset/train.jsonl is not there; run scripts/build_dataset" in told_
    assert "--data FILE" in told_


def test_a_file_of_ones_own_that_is_missing_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'mine'} is not there" in refusal(tmp_path, Teaching(tmp_path / "mine"))


def test_no_text_is_judged_by_that_was_fitted_on(tmp_path: Path) -> None:
    """Whatever its case and spacing. Planted fault: the files were taken as they are."""
    write_rows(tmp_path / "train", rows(60, "a", "b"))
    same = [Row(f"  TEXT   {n} ", "ab"[n % 2], "made") for n in range(20)]
    write_rows(tmp_path / "judge", [*same, *rows(10, "a", "b", start=100)])

    found = lesson(tmp_path, Teaching(tmp_path / "train", tmp_path / "judge"))

    assert len(found.judged) == 30
    assert {row.text for row in found.training} == {f"text {n}" for n in range(20, 60)}
    assert found.data.rows == 40


def test_without_a_file_to_judge_by_a_fifth_is_held_out(tmp_path: Path) -> None:
    """Planted fault: judged by the rows that it was fitted on."""
    write_rows(tmp_path / "train", rows(1000, "a", "b"))

    found = lesson(tmp_path, Teaching(tmp_path / "train"))

    assert not {row.text for row in found.training} & {row.text for row in found.judged}
    assert len(found.training) + len(found.judged) == 1000
    assert len(found.judged) == pytest.approx(200, abs=50)
    assert found.judge.name == "one text in 5 of train"


def test_both_files_are_bounded_by_rows(tmp_path: Path) -> None:
    write_rows(tmp_path / "train", rows(1000, "a", "b"))

    found = lesson(tmp_path, Teaching(tmp_path / "train", rows=100))

    assert (len(found.training), len(found.judged)) == (100, 100)
    assert found.data.rows > 700


@pytest.mark.parametrize(
    ("training", "judged", "why"),
    [
        (rows(40, "a"), rows(4, "a", start=90), "two are the least"),
        (rows(40, "a", "b"), rows(4, "c", start=90), "has the label 'c'"),
        (rows(12, "a", "b"), rows(4, "a", "b", start=90), "10 of each label are needed"),
        (rows(40, "a", "b"), rows(4, "a", start=90), "is 'b', so that it could not be judged"),
        ([*rows(4, "a"), Row("Text 0", "b", "s")], rows(4, "a", start=90), "correct one of them"),
    ],
)
def test_data_that_no_head_can_come_of_are_told(
    tmp_path: Path, training: list[Row], judged: list[Row], why: str
) -> None:
    write_rows(tmp_path / "train", training)
    write_rows(tmp_path / "judge", judged)

    assert why in refusal(tmp_path, Teaching(tmp_path / "train", tmp_path / "judge"))


def test_other_texts_are_another_version(tmp_path: Path) -> None:
    write_rows(tmp_path / "one", rows(100, "a", "b"))
    write_rows(tmp_path / "other", rows(101, "a", "b"))
    asked = [
        Teaching(tmp_path / "one"),
        Teaching(tmp_path / "one", rows=50),
        Teaching(tmp_path / "other"),
        Teaching(tmp_path / "one", tmp_path / "one2"),
    ]
    write_rows(tmp_path / "one2", rows(8, "a", "b", start=500))

    contents = [lesson(tmp_path, each).content for each in asked]

    assert len(set(contents)) == len(contents)
    assert contents[0] == lesson(tmp_path, Teaching(tmp_path / "one", force=True)).content


def test_a_head_below_the_floor_is_refused_with_its_figures() -> None:
    """Planted fault: the floor was never asked."""
    with pytest.raises(RegistrationFailed) as refused:
        check_floor(HEAD, force=False)

    for part in ("macro-F1 0.690 on 50", "error 0.040", "jailbreak 0.000", "0.70", "--force"):
        assert part in str(refused.value)


def test_a_head_below_the_floor_may_be_forced_and_one_at_it_need_not() -> None:
    check_floor(HEAD, force=True)
    check_floor(replace(HEAD, macro_f1=FLOOR), force=False)


def test_what_is_written_of_a_head_is_read_again(tmp_path: Path) -> None:
    """With scores that are not defined."""
    folder = tmp_path / "mine" / "v1"
    folder.mkdir(parents=True)
    write_card(
        folder,
        Card("mine", "v1", "onnx", "Local", ("benign", "jailbreak"), 16, "fp32", 1, 0.1, {},
             {"head": head_as_written(HEAD)}),
    )  # fmt: skip

    stored = read_card(folder)

    assert stored is not None
    assert stored.head == HEAD


def test_progress_is_told_once_for_each_tenth(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path / "progress")
    assert watcher.line() is None
    (tmp_path / "progress").write_text("[400, 1000, 4.0]")

    lines = [watcher.line(), watcher.line()]

    assert lines == ["Reading 1,000 texts … 40%, 100 a second, 6 s or more left", None]


def test_the_end_of_the_progress_is_always_written(tmp_path: Path) -> None:
    """Planted fault: skipped, because the last line was written a moment ago."""
    Progress(tmp_path / "progress").told(7, 7)

    assert (tmp_path / "progress").read_text().startswith("[7, 7, ")


def test_much_time_is_told_in_minutes() -> None:
    assert told(10, 1000, 10.0).endswith("16.5 minutes or more left")


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_scores_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    true, said = (np.array(each) for each in zip(*pairs, strict=True))

    found = score(("a", "b", "c"), true, np.eye(3)[said])

    wanted = metrics.precision_recall_fscore_support(
        true, said, labels=range(3), zero_division=np.nan
    )
    for place, each in enumerate(found.classes):
        ours = [np.nan if x is None else x for x in (each.precision, each.recall, each.f1)]
        assert ours == pytest.approx([line[place] for line in wanted[:3]], nan_ok=True)
    assert np.array_equal(found.confusion, metrics.confusion_matrix(true, said, labels=range(3)))

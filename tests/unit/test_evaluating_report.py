"""What is told of an evaluation, and whether its bars are held."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.labelled.rows import Row
from tests.unit.test_evaluating_figures import MODEL, ROWS, SAID
from training.evaluating import cli
from training.evaluating.answers import Answers, Model
from training.evaluating.bars import Bar, check_bars, metrics_of, missed, read_bar
from training.evaluating.document import document
from training.evaluating.errors import EvaluationError
from training.evaluating.findings import Findings, find
from training.evaluating.plots import draw
from training.evaluating.report import markdown


def findings(*bars: Bar, model: Model = MODEL) -> Findings:
    answers = Answers(model, SAID, truncated=1, seconds=2.0, at_once=4, latencies=(0.001, 0.003))
    return find(ROWS, answers, bars, data="colours.jsonl", digest="f" * 64, how="in this process")


def least(text: str) -> Bar:
    return read_bar(text, least=True)


def most(text: str) -> Bar:
    return read_bar(text, least=False)


def table_below(report: str, heading: str) -> list[list[str]]:
    section = report.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_report_has_a_line_for_each_class() -> None:
    head, _, *lines = table_below(markdown(findings()), "By class")

    assert head == ["class", "texts", "precision", "recall", "F1"]
    assert lines == [
        ["good", "3", "0.667", "0.667", "0.667"],
        ["bad", "2", "0.500", "0.500", "0.500"],
        ["ugly", "1", "1.000", "1.000", "1.000"],
    ]


def test_the_report_tells_false_positives_by_source() -> None:
    _, _, *lines = table_below(markdown(findings()), "Harmless or not, by source")

    assert lines == [
        ["a", "0 of 2 (0.0%)", "0 of 1 (0.0%)"],
        ["b", "1 of 1 (100.0%)", "1 of 2 (50.0%)"],
        ["all", "1 of 3 (33.3%)", "1 of 3 (33.3%)"],
    ]


def test_every_table_of_the_report_has_as_many_cells_in_each_line() -> None:
    """A source with a bar or a line end in its name would break one."""
    rows = [Row("x", "good", "a|b\nc"), *ROWS[1:]]
    answers = Answers(MODEL, SAID, 0, 1.0, 1, (0.1,))
    report = markdown(find(rows, answers, (), data="d", digest="", how="h"))

    for table in report.replace("\\|", "").split("\n\n"):
        if table.startswith("|"):
            assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_without_a_harmless_label_the_report_says_how_to_name_one() -> None:
    report = markdown(findings(model=Model("colours:v1", MODEL.labels, None)))

    assert "--harmless names one" in report


def test_the_document_has_all_figures_under_their_names() -> None:
    """The names are what other programs go by."""
    read = json.loads(document(findings(least("accuracy=0.9"))))

    assert list(read) == [
        "model",
        "data",
        "metrics",
        "classes",
        "sources",
        "confusion",
        "reliability",
        "speed",
        "bars",
    ]
    assert read["metrics"]["accuracy"] == pytest.approx(4 / 6)
    assert read["metrics"]["latency_p50_ms"] == pytest.approx(2)
    assert read["classes"]["bad"]["recall"] == pytest.approx(0.5)
    assert read["sources"]["b"]["missed"] == 1
    assert read["confusion"] == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert len(read["reliability"]) == 15
    assert read["bars"][0] == {
        "metric": "accuracy",
        "value": 0.9,
        "must_not_be": "below",
        "found": pytest.approx(4 / 6),
        "held": False,
    }


def test_what_is_not_defined_is_null_in_the_document() -> None:
    answers = Answers(MODEL, SAID[:1], 0, 1.0, 1, (0.1,))
    one = find(ROWS[:1], answers, (), data="d", digest="", how="h")

    read = json.loads(document(one))

    assert read["metrics"]["recall.bad"] is None
    assert read["metrics"]["missed_rate"] is None


@pytest.mark.parametrize(
    ("bar", "held"),
    [
        (least("accuracy=0.66"), True),
        (least("accuracy=0.67"), False),
        (most("accuracy=0.66"), False),
        (most("ece=0.5"), True),
        (most("ece=0.1"), False),
        (least("f1.ugly=1"), True),
        (most("latency_p99_ms=3"), True),
        (most("flagged_rate.b=0.5"), False),
        (most("missed_rate.a=0"), True),
    ],
)
def test_a_bar_is_held_or_missed_in_its_direction(bar: Bar, held: bool) -> None:
    """Planted fault: both directions compared alike."""
    metrics = findings().metrics

    assert bar.holds(metrics) is held
    assert bool(missed([bar], metrics)) is not held


def test_a_missed_bar_says_what_there_is_instead() -> None:
    assert missed([least("accuracy=0.9")], findings().metrics) == [
        "accuracy must not be below 0.9: it is 0.666667"
    ]


def test_a_metric_that_is_not_defined_misses_its_bar() -> None:
    """Planted fault: None taken for 0, which holds every largest value."""
    found = findings(model=Model("colours:v1", MODEL.labels, None))

    assert missed([most("flagged_rate=1"), most("flagged_rate.a=1")], found.metrics) == [
        f"{name} must not be above 1: it is not defined for this data"
        for name in ("flagged_rate", "flagged_rate.a")
    ]


def test_a_metric_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(EvaluationError, match=r"no metric 'f2'.* macro_f1.* recall.LABEL"):
        check_bars([least("f2=1")], ROWS, MODEL)


def test_every_metric_that_is_measured_may_be_named_in_a_bar() -> None:
    found = findings()
    names = metrics_of(found.figures, found.latency)

    check_bars([Bar(name, 0.0, least=True) for name in names], ROWS, MODEL)


@pytest.mark.parametrize("text", ["accuracy", "=1", "accuracy=", "accuracy=high", "ece=nan"])
def test_a_bar_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_bar(text, least=True)


def test_a_metric_may_have_an_equals_sign_in_its_name() -> None:
    assert least("f1.a=b=0.5") == Bar("f1.a=b", 0.5, least=True)


def test_both_plots_are_drawn_and_no_part_is_left(tmp_path: Path) -> None:
    draw(findings(), tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"confusion.png", "reliability.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())


def test_a_single_class_can_be_drawn(tmp_path: Path) -> None:
    answers = Answers(MODEL, np.eye(3)[:1], 0, 1.0, 1, (0.1,))

    draw(find(ROWS[:1], answers, (), data="d", digest="", how="h"), tmp_path)

    assert (tmp_path / "reliability.png").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("m",), "--data"),
        (("m", "--data", "d", "--url", "localhost:8003"), "is no address of a service"),
        (("m", "--data", "d", "--url", "http://h:99999"), "Port out of range"),
        (("m", "--data", "d", "--fail-below", "accuracy"), "is not METRIC=VALUE"),
        (("m", "--data", "d", "--concurrency", "0"), "0 is not above 0"),
    ],
)
def test_wrong_usage_is_told_as_such(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)

    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        (None, (), "cannot be read"),
        ("", (), "has no rows"),
        ("{", (), "line 1: no JSON"),
        ('{"text": "x", "label": "red"}', ("--json", "no/where.json"), "there is no folder no"),
        ('{"text": "x", "label": "red"}', ("--plots", "no/where"), "there is no folder no"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_anything_is_started(
    tmp_path: Path,
    text: str | None,
    more: tuple[str, ...],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "d.jsonl"
    if text is not None:
        data.write_text(text, encoding="utf-8")

    assert cli.main(["mine", "--data", str(data), *more]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert says in told
    assert told.count("\n") == 1

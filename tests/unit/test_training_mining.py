"""Which texts are hard, and from where they may come."""

from pathlib import Path

from models.labelled.rows import Row, write_rows
from training.mining.hardest import hardest
from training.mining.pool import pool

THEME = """% source {source}
% label {label}
% rows {rows}
% form lines
@ thing = cup | pan | pot | jar | box | lid | bag | can
{verb} the [[thing]].
"""


def test_the_side_that_is_wrong_is_hard_whatever_the_class() -> None:
    """Planted fault: a harmless text was hard where it was taken for harmless."""
    rows = [
        Row("sure attack", "jailbreak", "a"),
        Row("missed attack", "jailbreak", "a"),
        Row("flagged harmless", "benign", "h"),
        Row("sure harmless", "benign", "h"),
    ]

    found = hardest(rows, [0.99, 0.1, 0.8, 0.01], below=0.6, each=9)

    assert [row.text for row in found] == ["missed attack", "flagged harmless"]
    assert {row.source for row in found} == {"a, mined", "h, mined"}


def test_the_hardest_of_a_theme_are_taken_first() -> None:
    """Planted fault: those that came first."""
    rows = [Row(f"t{n}", "benign", "h") for n in range(4)]

    found = hardest(rows, [0.5, 0.9, 0.7, 0.8], below=0.6, each=2)

    assert [row.text for row in found] == ["t1", "t3"]


def test_no_text_that_is_written_already_is_mined(tmp_path: Path) -> None:
    """Those of tuning included: a model judged by them must not have read them."""
    texts, written = tmp_path / "texts", tmp_path / "written"
    for folder, label, verb in (
        ("train", "benign", "Wash"),
        ("attacks_train", "jailbreak", "Smash"),
    ):
        (texts / folder).mkdir(parents=True)
        theme = THEME.format(source=folder, label=label, rows=3, verb=verb)
        (texts / folder / "x.txt").write_text(theme)
    written.mkdir()
    write_rows(written / "harmless_tuning.jsonl", [Row("wash the CUP", "benign", "")])

    rows = pool(2, 1, texts, written)

    assert len([row for row in rows if row.label == "benign"]) == 6
    assert len([row for row in rows if row.label == "jailbreak"]) == 6
    assert "Wash the cup." not in {row.text for row in rows}
    assert len({row.text for row in rows}) == 12

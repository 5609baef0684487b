"""scripts/train with a teacher and with caution; the mining of hard texts. Needs torch."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", exc_type=ImportError)
pytest.importorskip("transformers", exc_type=ImportError)

from safetensors.numpy import load_file  # noqa: E402

from models.labelled.rows import Row, read_rows, write_rows  # noqa: E402
from tests.easy import SIGNS, arguments, texts  # noqa: E402
from training.mining import cli as mining  # noqa: E402
from training.tuning import cli  # noqa: E402
from training.tuning.distilling import SOFTNESS, distance  # noqa: E402
from training.tuning.teaching import opinions  # noqa: E402

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_rows(tmp_path / "train.jsonl", texts(900, 1))
    write_rows(tmp_path / "judge.jsonl", texts(120, 2))
    return tmp_path


def trained(files: Path, **options: str) -> Path:
    """The folder of a classifier of the easy texts."""
    assert cli.main([*arguments(files, **options), "--no-register"]) == 0
    return files / "out"


def test_a_pupil_learns_from_its_teacher_what_its_labels_do_not_say(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every other of its labels is wrong. Planted fault: the teacher counted for nothing."""
    teacher = trained(files).rename(files / "teacher")
    labels = list(SIGNS)
    rows = [
        Row(row.text, labels[(labels.index(row.label) + n % 2) % 3], row.source)
        for n, row in enumerate(read_rows(files / "train.jsonl"))
    ]
    write_rows(files / "train.jsonl", rows)

    trained(files, **{"--teacher": f"dir:{teacher}"})

    told = capsys.readouterr().err.split("held: macro-F1 ")[-1]
    assert float(told.split(",", maxsplit=1)[0]) > 0.95
    assert "`teacher`" in (files / "out" / "MODEL_CARD.md").read_text()


def test_a_teachers_classes_are_put_in_order(files: Path) -> None:
    """Its own order comes from its own texts. Planted fault: the columns were taken as they are."""
    folder = trained(files)
    rows = read_rows(files / "judge.jsonl")[:20]
    order = list(SIGNS)[::-1]

    said = opinions(folder, order, [row.text for row in rows], 32, "cpu", lambda _line: None)

    assert [order[index] for index in said.argmax(1).tolist()] == [row.label for row in rows]


def test_a_teacher_of_other_classes_is_refused(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And so is a folder that is no classifier: in a line, and nothing is left."""
    teacher = trained(files).rename(files / "teacher")
    write_rows(files / "train.jsonl", [r for r in texts(400, 4) if r.label != "code_injection"])
    write_rows(files / "judge.jsonl", [r for r in texts(90, 5) if r.label != "code_injection"])
    others = cli.main(arguments(files, **{"--teacher": f"dir:{teacher}"}))
    told = capsys.readouterr().err.splitlines()[-1]
    nothing = cli.main(arguments(files, **{"--teacher": f"dir:{files}"}))

    assert (others, nothing) == (1, 1)
    assert "the teacher's classes are" in told
    assert "is no folder of a classifier" in capsys.readouterr().err.splitlines()[-1]
    assert not (files / "out").exists()


def test_answers_like_the_teachers_are_no_distance() -> None:
    """And a constant added to all logits changes nothing."""
    logits = torch.randn(4, 5)

    assert torch.allclose(distance(logits, logits + 3.0), torch.zeros(4), atol=1e-6)


def test_gradients_are_as_large_for_any_softness() -> None:
    """For small logits that of a class is the difference to the teacher's, over all classes."""
    logits = torch.zeros(1, 5, requires_grad=True)
    taught = torch.tensor([[0.01, 0.0, 0.0, 0.0, -0.01]])

    distance(logits, taught).sum().backward()

    assert SOFTNESS != 1.0
    assert torch.allclose(logits.grad, -taught / 5, atol=1e-5)


def test_caution_lowers_the_harmless_class_and_nothing_else(files: Path) -> None:
    """By as many nats as were asked for. Planted fault: it was divided by the temperature."""
    plain = trained(files, **{"--epochs": "1"}).rename(files / "plain")
    cautious = trained(files, **{"--epochs": "1", "--caution": "1.5"})

    before, after = (load_file(folder / "model.safetensors") for folder in (plain, cautious))
    name = "classifier.bias"
    moved = {key for key in before if abs(before[key] - after[key]).max() > 1e-6}
    assert moved == {name}
    assert (before[name] - after[name]).round(4).tolist() == [1.5, 0.0, 0.0]


def test_what_a_classifier_gets_wrong_is_mined(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It knows none of these words, so that whole themes are hard for it; each is bounded."""
    folder = trained(files, **{"--epochs": "1"})
    mined = files / "mined.jsonl"

    status = mining.main([str(folder), "--out", str(mined), "--times", "1", "--each", "3"])

    rows = read_rows(mined)
    assert status == 0
    assert f"{len(rows)} hard ones written" in capsys.readouterr().err
    assert all(row.source.endswith(", mined") for row in rows)
    assert (
        max(sum(row.source == source for row in rows) for source in {r.source for r in rows}) == 3
    )

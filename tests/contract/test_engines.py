"""What every engine promises, on tiny models; `test_onnx_engine` works answers out by hand."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from models.engines import Engine
from models.errors import ModelLoadFailed
from tests import tiny

MAX_LENGTH = 8
"""Six words and the two ends; two of the words are in the next window, too."""

LONG = "green a b c green a b c blue b red c a blue"
"""Three windows: they begin with the first, the fifth and the ninth word."""


@dataclass(frozen=True)
class Make:
    """One engine: how a folder for it is written, and how it is opened."""

    write: Callable[..., Path]
    open: Callable[..., Engine]
    weights: str


def _onnx(**fixed: Any) -> Make:
    from models.engines.onnx import OnnxEngine  # noqa: PLC0415  # the service imports neither

    def opened(folder: Path, **options: Any) -> Engine:
        return OnnxEngine(folder, tiny.LABELS, MAX_LENGTH, **fixed | options)

    return Make(tiny.write_model, opened, "model.onnx")


def _compiled_onnx() -> Make:
    return _onnx(intra_op=2, compiled=True)


def _torch(**fixed: Any) -> Make:
    pytest.importorskip("torch", exc_type=ImportError)
    pytest.importorskip("transformers", exc_type=ImportError)
    from models.engines.transformers import TransformersEngine  # noqa: PLC0415

    def opened(folder: Path, **options: Any) -> Engine:
        return TransformersEngine(folder, tiny.LABELS, MAX_LENGTH, **fixed | options)

    return Make(tiny.write_torch_model, opened, "model.safetensors")


def _torch_bf16() -> Make:
    return _torch(dtype="bfloat16")


_SLOW = pytest.mark.slow
"""Importing torch takes seconds."""


@pytest.fixture(
    params=[
        _onnx,
        _compiled_onnx,
        pytest.param(_torch, marks=_SLOW),
        pytest.param(_torch_bf16, marks=_SLOW),
    ]
)
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param()
    return made


@pytest.fixture
def engine(make: Make, tmp_path: Path) -> Engine:
    return make.open(make.write(tmp_path), harmless="green")


def rows(engine: Engine, *texts: str) -> list[Any]:
    """Each text's row when it is asked alone."""
    return [engine.predict([text])[0] for text in texts]


def test_probabilities_sum_to_one_and_there_is_one_for_each_label(engine: Engine) -> None:
    [row] = engine.predict(["red blue blue"])

    assert engine.labels == tiny.LABELS
    assert len(row.probabilities) == len(tiny.LABELS)
    assert sum(row.probabilities) == pytest.approx(1, abs=1e-12)
    assert engine.device == "cpu"


def test_a_text_is_answered_in_company_as_alone(engine: Engine) -> None:
    """Planted fault: padding with a mask of ones changed the shorter ones' answers.

    With bf16 run in batches a probability moved by more than 1e-3, so it is run alone.
    """
    texts = ["red", "blue a green b blue", "", "c c c", "a b c a b c red blue", "green"]

    together, alone = engine.predict(texts), rows(engine, *texts)

    for one, other in zip(together, alone, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-3)
        assert one.probabilities.index(max(one.probabilities)) == other.probabilities.index(
            max(other.probabilities)
        )
        assert (one.tokens, one.windows) == (other.tokens, other.windows)


def test_what_is_not_batch_proof_gives_the_same_answer_to_the_last_digit(
    engine: Engine,
) -> None:
    """It is run alone even when asked together."""
    texts = ["red", "blue a green b blue", "c c c", "blue blue"]

    if not engine.batch_proof:
        assert engine.predict(texts) == rows(engine, *texts)


def test_a_text_that_fits_exactly_is_one_window(engine: Engine) -> None:
    [row] = engine.predict(["a b c a b c"])

    assert (row.tokens, row.truncated, row.windows) == (MAX_LENGTH, False, 1)


def test_a_text_that_is_too_long_by_one_is_two_windows(engine: Engine) -> None:
    [row] = engine.predict(["a b c a b c red"])

    assert (row.tokens, row.truncated, row.windows) == (MAX_LENGTH + 1, False, 2)


def test_the_worst_window_answers(engine: Engine) -> None:
    """The one least likely to be harmless, wherever it is. Planted fault: the first answered."""
    words = LONG.split()
    windows = [" ".join(words[start : start + 6]) for start in (0, 4, 8)]
    harmless = tiny.LABELS.index("green")

    [row] = engine.predict([" ".join(words)])

    assert row.windows == 3
    expected = min(rows(engine, *windows), key=lambda window: window.probabilities[harmless])
    assert row.probabilities == pytest.approx(expected.probabilities, abs=1e-3)


def test_without_a_harmless_label_the_surest_window_answers(make: Make, tmp_path: Path) -> None:
    engine = make.open(make.write(tmp_path))
    words = LONG.split()
    windows = [" ".join(words[start : start + 6]) for start in (0, 4, 8)]

    [row] = engine.predict([" ".join(words)])

    expected = max(rows(engine, *windows), key=lambda window: max(window.probabilities))
    assert row.probabilities == pytest.approx(expected.probabilities, abs=1e-3)


def test_beyond_the_bound_the_middle_is_left_out_and_that_is_said(
    make: Make, tmp_path: Path
) -> None:
    """Planted fault: only the first windows were read, so the end could hide anything."""
    engine = make.open(make.write(tmp_path), max_windows=2, harmless="green")
    first, last = "green a b c green a", "blue b red c a blue"  # of 90 words

    [row] = engine.predict([f"{first} {'b c ' * 39} {last}"])

    assert (row.windows, row.truncated, row.tokens) == (2, True, MAX_LENGTH + 6)
    expected = min(rows(engine, first, last), key=lambda window: window.probabilities[1])
    assert row.probabilities == pytest.approx(expected.probabilities, abs=1e-3)


def test_many_threads_get_the_answers_of_one(engine: Engine) -> None:
    texts = [f"{'red ' * (number % 4)} {'blue ' * (number % 3)}" for number in range(60)]
    alone = rows(engine, *texts)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: engine.predict([text])[0], texts))

    assert together == alone


def test_a_lone_surrogate_fails_alone(engine: Engine) -> None:
    before = rows(engine, "red")

    with pytest.raises((TypeError, UnicodeError)):
        engine.predict(["\ud800"])

    assert rows(engine, "red") == before


def test_padding_that_the_tokenizer_brings_along_is_not_used(make: Make, tmp_path: Path) -> None:
    """Files made for batches pad every text to a fixed length, which would be read as tokens."""
    file = str(make.write(tmp_path) / "tokenizer.json")
    tokenizer = Tokenizer.from_file(file)
    tokenizer.enable_padding(length=6)
    tokenizer.save(file)

    assert make.open(tmp_path).predict(["red"])[0].tokens == 3


@pytest.mark.parametrize(
    ("logits", "reason"),
    [(1, "a single logit"), (2, "answers with 2 logits, but has 3 labels")],
)
def test_a_head_that_does_not_fit_the_labels_is_refused(
    make: Make, tmp_path: Path, logits: int, reason: str
) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        make.open(make.write(tmp_path, logits=logits))


def test_a_harmless_label_that_the_model_has_not_is_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="'benign' is none of red, green, blue"):
        make.open(make.write(tmp_path), harmless="benign")


def test_a_missing_file_is_named(make: Make, tmp_path: Path) -> None:
    make.write(tmp_path)
    for name in (make.weights, "tokenizer.json"):
        (tmp_path / name).rename(tmp_path / "aside")
        with pytest.raises(ModelLoadFailed, match=f"{name} is missing"):
            make.open(tmp_path)
        (tmp_path / "aside").rename(tmp_path / name)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:99"])
def test_a_gpu_that_cannot_be_had_is_an_error_that_says_what_to_do(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    """Planted fault: on the CPU instead, without a word."""
    monkeypatch.setitem(sys.modules, "pynvml", None)

    with pytest.raises(ModelLoadFailed, match=f'on {device}, but .*or .* device = "cpu"'):
        make.open(make.write(tmp_path), device=device)


def test_where_there_is_no_gpu_auto_is_the_cpu(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)

    assert make.open(make.write(tmp_path), device="auto").device == "cpu"

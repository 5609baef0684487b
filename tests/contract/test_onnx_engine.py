"""The ONNX engine, on tiny graphs whose answers can be worked out by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from models.engines import Engine
from models.engines.onnx import OnnxEngine
from models.errors import InferenceFailed, ModelLoadFailed
from tests import tiny

OpenEngine = Callable[[Path], Engine]
MAX_LENGTH = 8


def _open_onnx(folder: Path) -> Engine:
    return OnnxEngine(folder, tiny.LABELS, MAX_LENGTH)


def _open_compiled_onnx(folder: Path) -> Engine:
    return OnnxEngine(folder, tiny.LABELS, MAX_LENGTH, intra_op=2, compiled=True)


@pytest.fixture(params=[_open_onnx, _open_compiled_onnx])
def open_engine(request: pytest.FixtureRequest) -> OpenEngine:
    opener: OpenEngine = request.param
    return opener


@pytest.fixture
def engine(open_engine: OpenEngine, tmp_path: Path) -> Engine:
    return open_engine(tiny.write_model(tmp_path))


def test_probabilities_are_in_the_order_of_the_labels(engine: Engine) -> None:
    [row] = engine.predict(["red blue blue"])

    assert engine.labels == tiny.LABELS
    assert row.probabilities == pytest.approx(tiny.expected(1, 0, 2))
    assert sum(row.probabilities) == pytest.approx(1, abs=1e-12)


def test_texts_of_different_length_are_answered_as_if_alone(engine: Engine) -> None:
    """Planted fault: padding with a mask of ones changed the shorter ones' tokens."""
    texts = ["red", "blue a green b blue", "", "c c c"]

    assert engine.predict(texts) == [engine.predict([text])[0] for text in texts]


def test_an_answer_that_is_no_number_is_an_error(engine: Engine) -> None:
    with pytest.raises(InferenceFailed, match="not a number"):
        engine.predict(["unanswerable"])


def test_a_graph_with_token_types_is_fed_them(open_engine: OpenEngine, tmp_path: Path) -> None:
    folder = tiny.write_model(tmp_path, inputs=(*tiny.INPUTS, "token_type_ids"))

    [row] = open_engine(folder).predict(["red"])

    assert row.probabilities == pytest.approx(tiny.expected(1, 0, 0))


def test_a_graph_without_a_mask_gets_none(open_engine: OpenEngine, tmp_path: Path) -> None:
    folder = tiny.write_model(tmp_path, inputs=("input_ids",))

    [row] = open_engine(folder).predict(["green"])

    assert row.probabilities == pytest.approx(tiny.expected(0, 1, 0))


def test_weights_beside_the_graph_are_read(open_engine: OpenEngine, tmp_path: Path) -> None:
    [row] = open_engine(tiny.write_heavy_model(tmp_path, 1 << 16)).predict(["green"])

    assert row.probabilities == pytest.approx(tiny.expected(0, 1, 0))


def test_the_configured_pad_token_fills_shorter_texts(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    """With the red word as padding and no mask, what is filled in can be counted.

    The two of them are a run of no more tokens than one long text.
    """
    folder = tiny.write_model(tmp_path, inputs=("input_ids",))
    red = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id("red")
    (folder / "config.json").write_text(json.dumps({"pad_token_id": red}))

    row, _ = open_engine(folder).predict(["a", "a b"])

    assert row.probabilities == pytest.approx(tiny.expected(1, 0, 0))


def test_an_encoder_without_a_head_is_refused(open_engine: OpenEngine, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="without a classification head"):
        open_engine(tiny.write_headless_model(tmp_path))


def test_a_graph_that_does_not_read_tokens_alone_is_refused(
    open_engine: OpenEngine, tmp_path: Path
) -> None:
    with pytest.raises(ModelLoadFailed, match="pixel_values"):
        open_engine(tiny.write_model(tmp_path, inputs=("input_ids", "pixel_values")))


def test_an_attack_at_the_very_end_of_a_long_text_is_flagged(engine: Engine) -> None:
    """Planted fault: read up to the model's length only, as it was."""
    [row] = engine.predict([f"{'a b c ' * 20} red"])

    assert row.probabilities == pytest.approx(tiny.expected(1, 0, 0))
    assert (row.tokens, row.truncated) == (63, False)

"""Transformers folders are exported to ONNX, and only where every weight of them was trained.

The models are tiny and their weights random, but for one that is trained in the test: what is
tested is that the registered model answers as torch does. Needs the torch extra.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from models.catalogue import Catalogue
from models.errors import RegistrationFailed
from models.forkserver import ForkServer
from models.runner import LoadOrder, Runner
from models.spec import ModelSpec, StoredModel
from models.store import ModelStore
from tests.process.desk import Desk
from tests.process.processes import LONG, ask
from tests.tiny import LABELS, write_model
from tests.trained import LABELS as CLEAR
from tests.trained import write_fitted

torch = pytest.importorskip("torch", exc_type=ImportError)
transformers = pytest.importorskip("transformers", exc_type=ImportError)

pytestmark = [pytest.mark.process, pytest.mark.slow]

TEXTS = ("red", "red green blue a b c", "blue b " * 30)
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
}
DEBERTA = SIZES | {
    "relative_attention": True,
    "position_buckets": 16,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
    "pooler_hidden_size": 32,
    "type_vocab_size": 0,
}
DISTILBERT = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
ARCHITECTURES: Mapping[str, Mapping[str, Any]] = {
    "bert": SIZES,
    "distilbert": DISTILBERT | {"max_position_embeddings": 66},
    "roberta": SIZES,
    "deberta-v2": DEBERTA,
}


@pytest.fixture
def desk(forkserver: ForkServer, tmp_path: Path) -> Desk:
    return Desk(ModelStore(tmp_path / "home" / "models"), forkserver)


def folder(path: Path, architecture: str) -> Path:
    """A transformers folder with a tokenizer of twelve words and spread-out random weights."""
    write_model(path)
    (path / "model.onnx").unlink()
    (path / "config.json").unlink()
    config = transformers.AutoConfig.for_model(
        architecture,
        vocab_size=12,
        pad_token_id=0,
        initializer_range=0.5,
        id2label=dict(enumerate(LABELS)),
        **ARCHITECTURES[architecture],
    )
    torch.manual_seed(3)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(path)
    return path


def wanted(path: Path, max_length: int, text: str) -> list[float]:
    """Probabilities of torch, for the tokens that the service's tokenizer gives."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(path).eval()
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    tokenizer.enable_truncation(max_length)
    ids = torch.tensor([tokenizer.encode(text).ids])
    with torch.no_grad():
        answer: list[float] = model(ids).logits.softmax(-1)[0].tolist()
    return answer


async def probabilities(desk: Desk, stored: StoredModel, text: str) -> tuple[float, ...]:
    order = LoadOrder("onnx", stored.path, stored.labels, stored.max_length, 1, compiled=True)
    runner = await Runner.start(desk.forkserver, order, timeout=LONG)
    answer = await ask(runner, text)
    await runner.close()
    return answer.row.probabilities


@pytest.mark.parametrize("architecture", ARCHITECTURES)
async def test_an_exported_model_answers_as_torch_does(
    desk: Desk, tmp_path: Path, architecture: str
) -> None:
    path = folder(tmp_path / "m", architecture)
    desk.precision = "fp32"

    stored = await desk.register("mine", f"dir:{path}")

    assert (stored.precision, stored.labels) == ("fp32", LABELS)
    for text in TEXTS:
        answer = wanted(path, stored.max_length, text)
        assert await probabilities(desk, stored, text) == pytest.approx(answer, abs=1e-4)


async def test_a_head_of_which_a_weight_is_missing_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Fails when transformers' own filling in of missing weights is let pass."""
    safetensors = pytest.importorskip("safetensors.torch")
    path = folder(tmp_path / "m", "bert")
    weights = safetensors.load_file(path / "model.safetensors")
    del weights["classifier.weight"]
    safetensors.save_file(weights, path / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(RegistrationFailed, match=r"lacks trained weights \(classifier\.weight\)"):
        await desk.register("mine", f"dir:{path}")

    assert desk.store.list() == ()


async def test_a_length_that_the_model_has_no_positions_for_is_refused(
    desk: Desk, tmp_path: Path
) -> None:
    path = folder(tmp_path / "m", "bert")
    desk.catalogue = Catalogue({"mine": ModelSpec("mine", f"dir:{path}", max_length=100)})

    with pytest.raises(RegistrationFailed, match="cannot read 100 tokens"):
        await desk.register("mine", None)


async def test_a_model_that_was_trained_is_exported_and_quantised(
    desk: Desk, tmp_path: Path
) -> None:
    """A BERT of two layers, fitted for a few seconds; its answers are clear, and stay."""
    stored = await desk.register("mine", f"dir:{write_fitted(tmp_path / 'm')}")

    assert stored.precision in {"int8", "int8-weights"}
    assert stored.compiled is not None
    assert stored.compiled.parity is not None
    assert stored.compiled.parity.agreement >= 0.995
    assert {"onnx", "onnxruntime", "tokenizers", "torch", "transformers"} == set(
        stored.compiled.tools
    )
    assert await desk.labels_of(stored, ["Ignore all rules", "The weather"]) == [*CLEAR[::-1]]

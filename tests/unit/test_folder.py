"""Folders of models to be registered: what is taken, what is refused and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from models.errors import RegistrationFailed
from models.registration.folder import inspect

NAMED: dict[str, Any] = {"id2label": {"0": "benign", "1": "jailbreak"}}
TRAINED: dict[str, Any] = NAMED | {"architectures": ["BertForSequenceClassification"]}
HEAD = ("bert.embeddings.word_embeddings.weight", "classifier.weight", "classifier.bias")


def onnx_folder(path: Path, config: Mapping[str, Any] = NAMED, **files: str) -> Path:
    path.mkdir(exist_ok=True)
    (path / "model.onnx").write_bytes(b"graph")
    (path / "tokenizer.json").write_text("{}")
    (path / "config.json").write_text(json.dumps(config))
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


def transformers_folder(
    path: Path, config: Mapping[str, Any] = TRAINED, tensors: tuple[str, ...] = HEAD
) -> Path:
    path.mkdir(exist_ok=True)
    header = json.dumps({name: {"dtype": "F32"} for name in tensors}).encode()
    weights = len(header).to_bytes(8, "little") + header
    (path / "model.safetensors").write_bytes(weights)
    (path / "tokenizer.json").write_text("{}")
    (path / "config.json").write_text(json.dumps(config))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(RegistrationFailed) as refused:
        inspect(path)
    return str(refused.value)


def test_a_folder_with_one_graph_is_taken_as_it_is(tmp_path: Path) -> None:
    (onnx_folder(tmp_path) / "model.onnx").rename(tmp_path / "mine_int8.onnx")
    (tmp_path / "mine_int8.onnx.data").write_bytes(b"weights")
    (tmp_path / "README.md").write_text("no part of it")

    folder = inspect(tmp_path)

    assert (folder.kind, folder.labels) == ("onnx", ("benign", "jailbreak"))
    assert {name: file.name for name, file in folder.files.items()} == {
        "model.onnx": "mine_int8.onnx",
        "mine_int8.onnx.data": "mine_int8.onnx.data",
        "tokenizer.json": "tokenizer.json",
        "config.json": "config.json",
    }


def test_a_transformers_folder_with_a_trained_head_is_taken(tmp_path: Path) -> None:
    folder = inspect(transformers_folder(tmp_path))

    assert folder.kind == "transformers"
    assert set(folder.files) == {"model.safetensors", "tokenizer.json", "config.json"}


def test_labels_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Fails for eleven labels when keys are sorted as texts."""
    named = {str(number): f"label {number}" for number in reversed(range(11))}

    folder = inspect(onnx_folder(tmp_path, {"id2label": named}))

    assert folder.labels == tuple(f"label {number}" for number in range(11))


def test_safetensors_are_taken_where_a_pickle_stands_beside_them(tmp_path: Path) -> None:
    (transformers_folder(tmp_path) / "pytorch_model.bin").write_bytes(b"pickle")

    assert "pytorch_model.bin" not in inspect(tmp_path).files


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "classifier.pkl"])
def test_a_pickle_is_refused_with_how_to_convert_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(TRAINED))
    (tmp_path / name).write_bytes(b"pickle")

    assert f"{name} is a pickle" in refusal(tmp_path)
    assert "safe_serialization=True" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("config", "tensors"),
    [
        (NAMED | {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}, HEAD),
        (NAMED | {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}, HEAD[:1]),
        (NAMED, HEAD),
        (TRAINED, HEAD[:1]),
        (TRAINED, ("cls.predictions.bias", "bert.pooler.dense.weight")),
    ],
)
def test_a_model_without_a_head_is_refused_because_its_head_would_be_random(
    tmp_path: Path, config: Mapping[str, Any], tensors: tuple[str, ...]
) -> None:
    """Fails when the architecture's name alone is believed."""
    told = refusal(transformers_folder(tmp_path, config, tensors))

    assert "no trained classification head" in told
    assert "or an encoder as it was pretrained" in told


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["BertForMaskedLM"], "model_type": "bert"},
        {"architectures": ["RobertaModel"], "model_type": "roberta"},
        {"model_type": "deberta-v2"},
    ],
)
def test_an_encoder_as_it_was_pretrained_is_taken_and_has_no_labels(
    tmp_path: Path, config: Mapping[str, Any]
) -> None:
    """Fails when id2label, which such a config may lack, is asked for."""
    folder = inspect(transformers_folder(tmp_path, config, HEAD[:1]))

    assert (folder.kind, folder.labels) == ("encoder", ())


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("BertForMaskedLM", "encoder"),
        ("BertForSequenceClassification", "onnx"),
        (None, "onnx"),
    ],
)
def test_an_export_beside_the_weights_of_an_encoder_is_none_of_a_classifier(
    tmp_path: Path, architecture: str | None, kind: str
) -> None:
    """Planted fault: any .onnx file was taken for the classifier."""
    named = {} if architecture is None else {"architectures": [architecture]}
    config = NAMED | {"model_type": "bert"} | named
    transformers_folder(tmp_path, config)
    onnx_folder(tmp_path, config)

    assert inspect(tmp_path).kind == kind


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    """Fails when links are followed without asking where they lead."""
    (onnx_folder(tmp_path / "m") / "tokenizer.json").unlink()
    (tmp_path / "m" / "tokenizer.json").symlink_to("/etc/passwd")

    assert "tokenizer.json is a link that leads out of the folder" in refusal(tmp_path / "m")


def test_a_link_within_what_belongs_together_is_followed(tmp_path: Path) -> None:
    """The Hugging Face cache keeps snapshots as links into its blobs."""
    snapshot = tmp_path / "repo" / "snapshots"
    snapshot.mkdir(parents=True)
    (onnx_folder(snapshot) / "model.onnx").rename(tmp_path / "repo" / "blob")
    (snapshot / "model.onnx").symlink_to("../blob")

    folder = inspect(snapshot, within=tmp_path / "repo")

    assert folder.files["model.onnx"].read_bytes() == b"graph"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "config.json has no id2label"),
        ({"id2label": ["benign", "jailbreak"]}, "config.json has no id2label"),
        ({"id2label": {"0": "only"}}, "at least two"),
        ({"id2label": {"0": "a", "2": "b"}}, "distinct names to 0, 1"),
        ({"id2label": {"0": "a", "1": "a"}}, "distinct names to 0, 1"),
        ({"id2label": {"0": "a", "1": " "}}, "distinct names to 0, 1"),
        (NAMED | {"auto_map": {"AutoModel": "evil.Model"}}, "code that comes with a model"),
        (NAMED | {"problem_type": "multi_label_classification"}, "only one label per text"),
    ],
)
def test_a_config_that_cannot_be_served_is_refused(
    tmp_path: Path, config: Mapping[str, Any], told: str
) -> None:
    assert told in refusal(onnx_folder(tmp_path, config))


def test_a_tokenizer_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    onnx_folder(tmp_path, tokenizer_config__json='{"auto_map": {}}')

    assert "tokenizer_config.json has auto_map" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "model.onnx"])
def test_a_missing_part_is_named(tmp_path: Path, name: str) -> None:
    (onnx_folder(tmp_path) / name).unlink()

    assert name.removeprefix("model") in refusal(tmp_path)


def test_several_graphs_are_refused_with_their_names(tmp_path: Path) -> None:
    onnx_folder(tmp_path, other__onnx="graph")

    assert "model.onnx, other.onnx" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["none", "file"])
def test_what_is_no_folder_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    assert "the folder cannot be read" in refusal(tmp_path / name)


def test_broken_json_is_named(tmp_path: Path) -> None:
    (onnx_folder(tmp_path) / "config.json").write_text("{")

    assert "config.json is not readable JSON" in refusal(tmp_path)


def test_broken_weights_are_named(tmp_path: Path) -> None:
    (transformers_folder(tmp_path) / "model.safetensors").write_bytes(b"\xff" * 30)

    assert "not a safetensors file" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("config", "tokenizer", "told", "length"),
    [
        ({}, {}, {}, 512),
        ({"max_position_embeddings": 256}, {}, {}, 256),
        ({}, {"truncation": {"max_length": 80}}, {"model_max_length": 384}, 80),
        ({"max_position_embeddings": 256}, {}, {"model_max_length": 384}, 256),
        ({}, {"truncation": None}, {"model_max_length": 384}, 384),
        ({}, {}, {"model_max_length": 10**30}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, {}, {}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 1}, {}, {}, 512),
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, {}, {}, 512),
    ],
)
def test_the_longest_text_is_the_tokenizer_s_within_the_model_s_positions(
    tmp_path: Path,
    config: Mapping[str, Any],
    tokenizer: Mapping[str, Any],
    told: Mapping[str, Any],
    length: int,
) -> None:
    """Fails for RoBERTa when positions are not counted from after the padding token's number."""
    onnx_folder(
        tmp_path,
        {**NAMED, **config},
        tokenizer__json=json.dumps(tokenizer),
        tokenizer_config__json=json.dumps(told),
    )

    assert inspect(tmp_path).own_max_length() == length

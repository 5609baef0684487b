"""What of a model in MLflow is fetched, and what is refused before anything is."""

from pathlib import Path

import pytest

from models.errors import RegistrationFailed
from models.registration.origins.mlmodel import choose_files
from models.registration.origins.registry import fetch_model

BERT = """
flavors:
  python_function: {loader_module: mlflow.transformers}
  transformers: {code: null, model_binary: model, components: [tokenizer]}
"""
BERT_FILES = (
    "MLmodel", "conda.yaml", "requirements.txt", "LICENSE.txt", "model/config.json",
    "model/model.safetensors", "components/tokenizer/tokenizer.json",
    "components/tokenizer/tokenizer_config.json",
)  # fmt: skip
GRAPH = "flavors: {onnx: {data: model.onnx, code: null}}"
GRAPH_FILES = (
    "MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json",
    "model.onnx", "0a1b-data", "config.json", "tokenizer.json",
)  # fmt: skip


def test_a_transformers_model_is_gathered_from_its_folders() -> None:
    wanted = choose_files(BERT, BERT_FILES)

    assert wanted.kind == "transformers"
    assert wanted.files == {
        "config.json": "model/config.json",
        "model.safetensors": "model/model.safetensors",
        "tokenizer.json": "components/tokenizer/tokenizer.json",
        "tokenizer_config.json": "components/tokenizer/tokenizer_config.json",
    }


def test_a_graph_comes_with_its_weights_and_what_lies_beside_it() -> None:
    """Fails when MLflow's own files are taken for weights."""
    wanted = choose_files(GRAPH, GRAPH_FILES)

    assert wanted.kind == "onnx"
    assert set(wanted.files) == {"model.onnx", "0a1b-data", "config.json", "tokenizer.json"}


def test_a_card_comes_along_for_the_licence_that_it_names() -> None:
    wanted = choose_files(BERT, (*BERT_FILES, "model/README.md"))

    assert wanted.files["README.md"] == "model/README.md"


@pytest.mark.parametrize("path", ["../x", "model/../../x", "/etc/passwd", "a\\..\\b", "", "a\0b"])
def test_no_path_leads_out_of_the_model(path: str) -> None:
    with pytest.raises(RegistrationFailed, match="no path below"):
        choose_files(GRAPH, (*GRAPH_FILES, path))


@pytest.mark.parametrize(
    ("text", "listed", "reason"),
    [
        ("flavors: {sklearn: {}}", ["model.pkl"], "flavour is sklearn and model.pkl is a pickle"),
        ("flavors: {pytorch: {}}", ["data/model.pth"], "pytorch and data/model.pth is a pickle"),
        ("flavors: {python_function: {}}", ["python_model.pkl"], "python_model.pkl is a pickle"),
        ("flavors: []", [], "names no flavors"),
        ("- a", [], "names no flavors"),
        ("a: [", [], "not readable YAML"),
        (GRAPH.replace("code: null", "code: code"), GRAPH_FILES, "comes with code"),
        (GRAPH.replace("model.onnx", "../m.onnx"), GRAPH_FILES, "not among the model's files"),
        (GRAPH, GRAPH_FILES[:-1], "tokenizer.json not among"),
        (BERT.replace("model_binary: model,", ""), BERT_FILES, "only refers to a model"),
        (BERT.replace("model_binary: model", "model_binary: ../m"), BERT_FILES, "no path below"),
        (BERT.replace("code: null", "peft_adaptor: peft"), BERT_FILES, "adapter weights only"),
        (BERT, ("model/config.json", "model/pytorch_model.bin"), "no safetensors"),
    ],
)
def test_other_kinds_are_refused_with_the_reason(text: str, listed: list[str], reason: str) -> None:
    with pytest.raises(RegistrationFailed, match=reason):
        choose_files(text, listed)


@pytest.mark.parametrize(
    "place",
    [
        "models:/m",
        "models:/m/latest",
        "models:/../m/1",
        "m@champion",
        "models:/m@",
        "models:/m@a/b",
    ],
)
async def test_what_names_no_version_of_a_model_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(RegistrationFailed, match="use mlflow:models:/NAME@ALIAS"):
        await fetch_model(place, tmp_path, print)

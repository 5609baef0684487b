"""Logs models into an MLflow server as its users do; run by the Python of MLflow's environment.

Arguments: a transformers folder, a folder with a graph, a folder for artifacts of an experiment
that keeps them on this machine, and the site-packages that have torch, transformers and onnx.
"""

import importlib
import sys
from pathlib import Path
from typing import Any


def main(torch_folder: str, onnx_folder: str, local: str, packages: str) -> None:
    sys.path.append(packages)
    mlflow = importlib.import_module("mlflow")
    mlflow.set_experiment("proxied")
    with mlflow.start_run():
        log_transformers(mlflow, Path(torch_folder))
        for note in ("first", "second"):
            log_graph(mlflow, Path(onnx_folder), "colours", note)
        log_graph(mlflow, Path(onnx_folder), "coded", "x", code_paths=[__file__])
        graph = importlib.import_module("onnx").load(Path(onnx_folder, "model.onnx"))
        mlflow.onnx.log_model(graph, name="m", registered_model_name="bare", pip_requirements=[])
        mlflow.pyfunc.log_model(
            name="m", python_model=answer, registered_model_name="pyfunc", pip_requirements=[]
        )
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("local", Path(local).as_uri()))
    with mlflow.start_run():
        log_graph(mlflow, Path(onnx_folder), "linked", "x")
    client = mlflow.MlflowClient()
    for name in ("bert", "colours"):
        client.set_registered_model_alias(name, "champion", "1")


def answer(model_input: list[str]) -> list[str]:
    return model_input


def log_transformers(mlflow: Any, folder: Path) -> None:
    transformers = importlib.import_module("transformers")
    classifier = transformers.pipeline("text-classification", model=str(folder))
    mlflow.transformers.log_model(
        classifier, name="m", registered_model_name="bert", pip_requirements=[]
    )


def log_graph(mlflow: Any, folder: Path, name: str, note: str, **more: Any) -> None:
    """The convention of docs/mlflow.md: graph first, then what lies beside it, then a version."""
    graph = importlib.import_module("onnx").load(folder / "model.onnx")
    logged = mlflow.onnx.log_model(graph, name="m", pip_requirements=[], **more)
    beside = folder / note
    beside.mkdir(exist_ok=True)
    (beside / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    text = (folder / "config.json").read_text(encoding="utf-8")
    (beside / "config.json").write_text(f'{{"note": "{note}", {text[1:]}', encoding="utf-8")
    mlflow.MlflowClient().log_model_artifacts(logged.model_id, str(beside))
    mlflow.register_model(logged.model_uri, name, tags={"license": "mit"})


if __name__ == "__main__":
    main(*sys.argv[1:])

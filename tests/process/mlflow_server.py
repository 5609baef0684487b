"""A real MLflow server on 127.0.0.1, of an environment of its own, with models in it."""

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests import tiny
from tests.process.desk import colours
from tests.process.server import ROOT

CLIENT = ROOT / "build" / "mlflow-venv" / "bin" / "python"
SERVER = ROOT / "build" / "mlflow-server-venv" / "bin" / "python"

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Registry:
    """`local`: where the artifacts of the model `linked` are."""

    url: str
    local: Path

    def settings(self) -> dict[str, str]:
        return {"MLFLOW_TRACKING_URI": self.url, "MODEL_CACHE_MLFLOW_PYTHON": str(CLIENT)}

    def set_alias(self, name: str, alias: str, version: str) -> None:
        httpx.post(
            f"{self.url}/api/2.0/mlflow/registered-models/alias",
            json={"name": name, "alias": alias, "version": version},
            timeout=_PATIENCE,
        ).raise_for_status()


def require_mlflow() -> None:
    """Skip where MLflow's environments are not there; fail where everything has to be."""
    packages = ("torch", "transformers")
    if CLIENT.exists() and SERVER.exists() and all(map(importlib.util.find_spec, packages)):
        return
    told = "make MLflow's environments: scripts/lib/mlflow.sh && scripts/lib/mlflow.sh server"
    if os.environ.get("CI") == "true":
        pytest.fail(told)
    pytest.skip(told)


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """All that the server keeps is below `folder`; the models are those of `mlflow_logging`."""
    tiny.write_torch_model(folder / "torch")
    colours(folder / "onnx", lambda folder: tiny.write_heavy_model(folder, 400_000))
    with _served(folder) as url:
        _log_models(folder, url)
        yield Registry(url, folder / "local")


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        str(SERVER), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip
    log = folder / "server.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command, env={**_clean(), **_QUIET}, cwd=folder, stdout=said, stderr=said
        ) as process,
    ):
        try:
            _wait(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def _log_models(folder: Path, url: str) -> None:
    found = importlib.util.find_spec("transformers")
    assert found is not None
    assert found.origin is not None
    logging = Path(__file__).with_name("mlflow_logging.py")
    arguments = [folder / "torch", folder / "onnx", folder / "local"]
    done = subprocess.run(
        [SERVER, logging, *arguments, Path(found.origin).parents[1]],
        env={**_clean(), **_QUIET, "MLFLOW_TRACKING_URI": url},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _clean() -> dict[str, str]:
    """Of a user who has no settings of MLflow's or Python's."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "PYTHON"))
    }

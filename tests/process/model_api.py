"""The example service as a real process, under uvicorn."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.process.server import ROOT, Server, end, environment_of, family_of, free_port

APP = ("--factory", "examples.model_api.app:create_app")


@contextlib.contextmanager
def example_started(folder: Path, cache_url: str, **settings: str) -> Iterator[Server]:
    """Start it without waiting, and end it with the context; `settings` as variables."""
    port = free_port()
    log_path = folder / "model-api.log"
    environment = environment_of(folder) | {"MODEL_API_CACHE_URL": cache_url, **settings}
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *APP, "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Server(f"http://127.0.0.1:{port}", process, log_path)
        process.terminate()
        process.wait(30)
    finally:
        end(process, family_of(process.pid))

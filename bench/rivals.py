"""Those whom the service is compared with, as processes: started here, ended here.

Who is not asked is stopped (SIGSTOP), so that nobody's idling costs another anything.
"""

import contextlib
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from bench.environment import baseline, plain_environment
from bench.processes import (
    Program,
    ServerFailed,
    end,
    family,
    free_port,
    running,
    tail,
    wait_until_ready,
)
from bench.servers import ROOT, bento_command

SETTLE = 0.3
"""Seconds for somebody to come to himself after a stop."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A server that answers `POST /predict`; its label is under `label` in an answer."""

    port: int
    pid: int
    label: str = "label"

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stopped, but for the times when it is `awake`."""
        self._stop()
        try:
            yield
        finally:
            self._resume()

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        self._resume()
        time.sleep(SETTLE)
        try:
            yield
        finally:
            self._stop()

    def _resume(self) -> None:
        for member in family(self.pid):
            _signal(member.resume)

    def _stop(self) -> None:
        for member in family(self.pid):
            _signal(member.suspend)


def _signal(send: Callable[[], object]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        send()


@contextlib.contextmanager
def _served(
    command: Callable[[int], Sequence[str]], ready: str, variables: Mapping[str, str]
) -> Iterator[Rival]:
    """`command` is given the port. Stopped as soon as it is ready."""
    with tempfile.TemporaryDirectory(prefix="model-cache-bench-") as name:
        folder, port = Path(name), free_port()
        own = {"BENTOML_HOME": name, "TMPDIR": name, **variables}
        program = Program(command(port), ROOT, plain_environment() | own)
        log = folder / "log"
        with running(program, log) as process:
            wait_until_ready(f"http://127.0.0.1:{port}{ready}", process, log)
            rival = Rival(port, process.pid)
            with rival.frozen():
                yield rival


@contextlib.contextmanager
def litserve(python: Path, model: Path, workers: int, batch: int) -> Iterator[Rival]:
    def command(port: int) -> Sequence[str]:
        return baseline(python, "lit", port, model, workers, batch)

    with _served(command, "/health", {}) as rival:
        yield rival


@contextlib.contextmanager
def bento_onnx(python: Path, models: Mapping[str, Path], kept: int) -> Iterator[Rival]:
    def command(port: int) -> Sequence[str]:
        return bento_command(str(python), "bench.baselines.bento_onnx:Classify", port)

    folders = json.dumps({name: str(path) for name, path in models.items()})
    variables = {"BENCH_FOLDERS": folders, "BENCH_KEPT": str(kept)}
    with _served(command, "/readyz", variables) as rival:
        yield rival


@contextlib.contextmanager
def bento_torch(python: Path, model: Path) -> Iterator[Rival]:
    def command(port: int) -> Sequence[str]:
        return bento_command(str(python), "bench.baselines.bento_torch:Classify", port)

    with _served(command, "/readyz", {"BENCH_FOLDER": str(model)}) as rival:
        yield rival


@contextlib.contextmanager
def bare(python: Path) -> Iterator[Rival]:
    """uvicorn takes uvloop and httptools where `python` has them."""
    with _served(lambda port: baseline(python, "bare", port), "/", {}) as rival:
        yield rival


class Talker:
    """A process that takes an order a line and answers it with a line, both JSON."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, order: Mapping[str, object]) -> dict[str, Any]:
        """Raises ServerFailed when it has ended."""
        assert self._process.stdin is not None  # noqa: S101  # it was asked for
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return self.listen()

    def listen(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101  # likewise
        line = self._process.stdout.readline()
        if not line:
            raise ServerFailed(f"a baseline has ended:\n{tail(self._log)}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        pipe.close()


@contextlib.contextmanager
def talking(python: Path, name: str, *arguments: object) -> Iterator[Talker]:
    """The baseline of that name."""
    with tempfile.NamedTemporaryFile(prefix="model-cache-bench-") as log:
        process = subprocess.Popen(  # noqa: S603  # the commands are ours
            baseline(python, name, *arguments),
            cwd=ROOT,
            env=plain_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield Talker(process, Path(log.name))
        finally:
            end(process, ())
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    _close(pipe)

"""What runs in a forked child: one engine, or one function, at the end of a socket.

The main thread only waits for the end of the socket, that is of the service, which ends the
process whatever the others do. The others take turns: whoever is free reads the next call and
works on it himself, so that no call is handed from thread to thread, and none waits for the
service while there is one in the socket. Engines give the interpreter's lock back while they run.
"""

import importlib
import os
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from models import wire
from models.engines import Engine, Row
from models.traces import places

Answers = dict[str, Any]

NICENESS = 5
"""Below the service, so that it answers while every core infers."""

OOM_SCORE = 500
"""When memory runs out the kernel is to end a runner, not the service."""

ENGINES = {
    "onnx": "models.engines.onnx:OnnxEngine",
    "pytorch": "models.engines.transformers:TransformersEngine",
}

_READ = 1 << 16
"""Bytes a read."""

_STDERR = 2


def run(link: socket.socket) -> NoReturn:
    """Serve `link` until its end. Called in a fresh fork, which it never leaves."""
    status = 1
    try:
        _become_a_runner(link)
        _Runner(link).serve()
        status = 0
    except ConnectionError:
        status = 0  # the service is gone
    except BaseException as error:
        os.write(_STDERR, f"{places(error)}\n".encode())
        raise
    finally:
        os._exit(status)


def _become_a_runner(link: socket.socket) -> None:
    """Hold nothing but `link`, yield to the service, and send it our pidfd."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # nothing else open meanwhile
        _close_unless_kept(int(name), link.fileno())
    link.setblocking(True)
    os.set_inheritable(link.fileno(), False)
    _be_scheduled_as_usual()
    os.nice(NICENESS)
    _raise_oom_score()
    pidfd = os.pidfd_open(os.getpid())
    socket.send_fds(link, [wire.encode({"pid": os.getpid()})], [pidfd])
    os.close(pidfd)


def _close_unless_kept(fd: int, link: int) -> None:
    if fd in {0, 1, 2, link}:
        return
    try:
        os.close(fd)
    except OSError:
        return  # it was the listing's own


def _be_scheduled_as_usual() -> None:
    """The service, from which that is inherited, may be scheduled as a batch process."""
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        return  # not allowed everywhere; then the service could not either


def _raise_oom_score() -> None:
    score = Path("/proc/self/oom_score_adj")
    try:
        score.write_text(str(max(OOM_SCORE, int(score.read_text()))))
    except OSError:
        return  # not allowed everywhere; the service lives without


class _Runner:
    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._decoder = wire.Decoder()
        self._read: deque[wire.Message] = deque()
        self._engine: Engine | None = None
        self._words = _STDERR
        self._operations: dict[str, Callable[..., Answers]] = {
            "load": self._load,
            "predict": self._predict,
            "call": _call,
        }

    def serve(self) -> None:
        """Return at the end of the link."""
        self._start_threads(1)
        end = select.poll()
        end.register(self._link, select.POLLRDHUP)
        end.poll()

    def _start_threads(self, number: int) -> None:
        for _ in range(number):
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        """Answer one call after another; what goes wrong with the link ends the process."""
        status = 1
        try:
            while True:
                call = self._next()
                self._answer(call.pop("id"), self._operations[call.pop("op")], call)
        except ConnectionError:
            status = 0
        except BaseException as error:
            os.write(self._words, f"{places(error)}\n".encode())
            raise
        finally:
            os._exit(status)

    def _next(self) -> wire.Message:
        with self._reading:
            while not self._read:
                data = self._link.recv(_READ)
                if not data:
                    raise ConnectionResetError("the service is gone")
                self._read.extend(self._decoder.feed(data))
            return self._read.popleft()

    def _answer(self, number: int, operation: Callable[..., Answers], arguments: Answers) -> None:
        try:
            answer = wire.encode({"id": number, "answer": operation(**arguments)})
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told
            answer = wire.encode({"id": number, "error": _describe(error)})
        with self._writing:
            self._link.sendall(answer)

    def _load(
        self, engine: str, path: str, labels: list[str], threads: int, **options: Any
    ) -> Answers:
        make = _resolve(ENGINES[engine])
        self._engine = loaded = make(Path(path), tuple(labels), **options)
        if self._words == _STDERR:
            self._words = _quiet_libraries()
        self._start_threads(threads - 1)
        return {"device": loaded.device, "batch_proof": loaded.batch_proof}

    def _predict(self, texts: list[str]) -> Answers:
        if self._engine is None:
            raise RuntimeError("no model is loaded")
        began = time.perf_counter()
        rows = _rows(self._engine, texts)
        return {"rows": rows, "seconds": time.perf_counter() - began}


def _quiet_libraries() -> int:
    """A descriptor for our own last words; what else is written to standard error is lost.

    From here on texts are read, and libraries quote them: Rust's panics do.
    """
    kept = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)
    return kept


def _rows(engine: Engine, texts: list[str]) -> list[Answers]:
    """Each text's row or error. Where all together fail, each is asked alone."""
    try:
        return [{"row": _plain(row)} for row in engine.predict(texts)]
    except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told
        if len(texts) == 1:
            return [{"error": _describe(error)}]
    return [row for text in texts for row in _rows(engine, [text])]


def _plain(row: Row) -> Answers:
    """As JSON can say it; `dataclasses.asdict` copies deeply, which takes longer than all else."""
    return {
        "probabilities": row.probabilities,
        "tokens": row.tokens,
        "truncated": row.truncated,
        "windows": row.windows,
    }


def _call(target: str, arguments: Answers) -> Answers:
    return {"result": _resolve(target)(**arguments)}


def _resolve(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _describe(error: Exception) -> Answers:
    return {"type": type(error).__name__, "message": str(error)[:2000]}

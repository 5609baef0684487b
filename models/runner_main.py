"""What runs in a forked child: one engine, or one function, at the end of a socket.

The main thread only reads, whatever the others do, so the end of the socket, that is of the
service, is noticed at once and ends the process. Work is done by a pool of threads; onnxruntime
gives the interpreter's lock back while it runs.
"""

import importlib
import os
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from models import wire
from models.engines import Engine

Answers = dict[str, Any]

NICENESS = 5
"""Below the service, so that it answers while every core infers."""

OOM_SCORE = 500
"""When memory runs out the kernel is to end a runner, not the service."""

ENGINES = {"onnx": "models.engines.onnx:OnnxEngine"}


def run(link: socket.socket) -> NoReturn:
    """Serve `link` until its end. Called in a fresh fork, which it never leaves."""
    status = 1
    try:
        _become_a_runner(link)
        _Runner(link).serve()
        status = 0
    except ConnectionError:
        status = 0  # the service is gone
    except BaseException:
        traceback.print_exc()
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


def _raise_oom_score() -> None:
    score = Path("/proc/self/oom_score_adj")
    try:
        score.write_text(str(max(OOM_SCORE, int(score.read_text()))))
    except OSError:
        return  # not allowed everywhere; the service lives without


class _Runner:
    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._writing = threading.Lock()
        self._pool = ThreadPoolExecutor(1)
        self._engine: Engine | None = None

    def serve(self) -> None:
        """Return at the end of the link."""
        decoder = wire.Decoder()
        while data := self._link.recv(1 << 16):
            for message in decoder.feed(data):
                self._accept(message)

    def _accept(self, message: wire.Message) -> None:
        operations: dict[str, Callable[..., Answers]] = {
            "load": self._load,
            "predict": self._predict,
            "call": _call,
        }
        operation = operations[message.pop("op")]
        if operation == self._load:
            self._pool = ThreadPoolExecutor(message.pop("threads"))
        self._pool.submit(self._answer, message.pop("id"), operation, message)

    def _answer(self, number: int, operation: Callable[..., Answers], arguments: Answers) -> None:
        try:
            answer = wire.encode({"id": number, "answer": operation(**arguments)})
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller is told
            answer = wire.encode({"id": number, "error": _describe(error)})
        try:
            with self._writing:
                self._link.sendall(answer)
        except OSError:
            os._exit(0)

    def _load(self, engine: str, path: str, labels: list[str], **options: Any) -> Answers:
        make = _resolve(ENGINES[engine])
        self._engine = make(Path(path), tuple(labels), **options)
        return {}

    def _predict(self, text: str) -> Answers:
        if self._engine is None:
            raise RuntimeError("no model is loaded")
        began = time.perf_counter()
        [row] = self._engine.predict([text])
        return {"row": asdict(row), "seconds": time.perf_counter() - began}


def _call(target: str, arguments: Answers) -> Answers:
    return {"result": _resolve(target)(**arguments)}


def _resolve(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _describe(error: Exception) -> Answers:
    return {"type": type(error).__name__, "message": str(error)[:2000]}

"""Stand-ins for replicas: they tell what came, and fail as they are told. For tests of a proxy."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 10.0


@dataclass(slots=True)
class StandIn:
    """`came` has what was asked of it, probes apart.

    While it is `mute` it closes the connection in place of an answer, as one that is killed does.
    """

    port: int = 0
    ready: bool = True
    mute: bool = False
    status: int = 200
    came: list[str] = field(default_factory=list)


class Listening(ThreadingHTTPServer):
    """A proxy closes connections as it likes: that is nothing to tell of."""

    daemon_threads = True

    def __init__(self, about: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.about = about
        about.port = self.server_port

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class Answering(BaseHTTPRequestHandler):
    """Answers with the replica's port; a path with "stream" in it with one event and no end."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # whole answers, as the service sends them
    server: Listening

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self._answer(200 if self.server.about.ready else 503)
        elif "stream" in self.path:
            self._stream()
        else:
            self._reply()

    def do_POST(self) -> None:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + len(b"\r\n"))
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("content-length", "0")))
        self._reply()

    def do_PUT(self) -> None:
        self.do_POST()

    def _reply(self) -> None:
        about = self.server.about
        about.came.append(f"{self.command} {self.path}")
        if about.mute:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._answer(about.status)

    def _answer(self, status: int) -> None:
        body = json.dumps({"replica": self.server.about.port}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _stream(self) -> None:
        """Write one event, and then nothing until the reader goes away."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: {}\n\n")
        self.wfile.flush()
        self.rfile.read(1)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def stand_in() -> Iterator[StandIn]:
    about = StandIn()
    with Listening(about) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield about
        finally:
            server.shutdown()
            thread.join()


def wait_until(holds: Callable[[], bool], told: Callable[[], object] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)

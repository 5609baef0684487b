"""A small real HTTP server that answers as the service does, or says what it is told to say."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Asked = tuple[str, Any]
Said = tuple[int, dict[str, str], bytes]


def said(body: object, status: int = 200, **fields: str) -> Said:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return status, named, json.dumps(body).encode()


def refused(code: str, status: int = 503, **fields: str) -> Said:
    return said({"status": "error", "error": f"because of {code}", "code": code}, status, **fields)


@dataclass
class Service:
    """Answers as the real one does, but what `instead` has for the next request of a path."""

    labels: tuple[str, ...] = ("red", "green")
    version: str | None = "v1"
    instead: dict[str, list[Said]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    at_work: int = 0
    busiest: int = 0
    tokens: set[str | None] = field(default_factory=set)
    """Each Authorization field that came, None where there was none."""
    hold: Callable[[], object] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, body: Any) -> Said:
        with self.lock:
            self.asked.append((path, body))
            waiting = self.instead.get(path, [])
            if waiting:
                return waiting.pop(0)
        if path == "/predict/batch":
            return said({"results": [self.prediction(text) for text in body["texts"]]})
        if path == "/predict":
            return said(self.prediction(body["text"]))
        return said({"model_info": {"labels": self.labels, "version": self.version}})

    def prediction(self, text: str) -> dict[str, Any]:
        """Its probability tells the text, so that answers cannot change places unseen."""
        share = int(text.split()[1]) / 100
        found = {"red": 1 - share, "green": share}
        return {"text": text, "probabilities": found, "truncated": text == "red 7"}

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def listening(service: Service) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            with service.lock:
                service.at_work += 1
                service.busiest = max(service.busiest, service.at_work)
                service.tokens.add(self.headers.get("Authorization"))
            service.hold()
            status, fields, data = service.answer(self.path, body)
            with service.lock:
                service.at_work -= 1
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.close_connection |= "X-Gone" in fields

        do_POST = do_GET  # noqa: N815  # the base class asks for this name

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client who goes away is nothing to tell of."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

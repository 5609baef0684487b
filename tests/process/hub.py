"""A Hugging Face hub on 127.0.0.1, with one repository: what its client asks for, no more."""

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

COMMIT = "c0ffee" * 6 + "c0ff"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, repo: str, folder: Path, *arguments: Any) -> None:
        self._repo = repo
        self._folder = folder
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        file = self._folder / path.removeprefix(f"/{self._repo}/resolve/main/")
        if path in {f"/api/models/{self._repo}", f"/api/models/{self._repo}/revision/main"}:
            self._send(200, _listing(self._repo, self._folder))
        elif file.is_file():
            self._send(200, file.read_bytes())
        else:
            self._send(404, b"", **{"X-Error-Code": "RepoNotFound"})

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"')
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@contextmanager
def hub(repo: str, folder: Path) -> Iterator[str]:
    """Serve the files of `folder` as `repo`; gives the endpoint."""
    handler = partial(_Handler, repo, folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def silent_hub() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def _listing(repo: str, folder: Path) -> bytes:
    files = [{"rfilename": file.name} for file in folder.iterdir()]
    about = {"id": repo, "modelId": repo, "sha": COMMIT, "siblings": files, "private": False}
    return json.dumps(about).encode()

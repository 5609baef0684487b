"""One kept connection to the service: asks, and asks again as the service says."""

import http.client
import json
import math
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from typing import Any
from urllib.parse import SplitResult, urlsplit

from training.evaluating.errors import EvaluationError

_OK, _NOT_FOUND = 200, 404
_BUSY = (429, 503)
_NEVER = ("MODEL_NOT_REGISTERED",)
"""Codes of a 503 that no waiting helps."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, for one answer, and altogether between tries of one request."""

    connect: float = 10.0
    answer: float = 90.0
    waiting: float = 120.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The JSON object of a 200; `seconds` are those of the try that had it."""

    body: Mapping[str, Any]
    seconds: float


class Cut(Exception):
    """The line was cut while it was in use: nobody wants its answer any more."""


def read_url(text: str) -> SplitResult:
    """A service's address. Raises ValueError that says what is wrong with it."""
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError(f"{text!r} is no address of a service, as http://127.0.0.1:8003 is")
    if url.query or url.fragment or url.username is not None:
        raise ValueError(f"{text!r}: give scheme, host, port and path alone")
    url.port  # noqa: B018  # a ValueError where it is none
    return url


def read_token(text: str) -> str:
    """The first of several, as the service's setting has them. Raises ValueError without it."""
    token = text.partition(",")[0].strip()
    if not re.fullmatch("[!-~]+", token):
        raise ValueError("a token is of one character or more, without blanks")
    return token


class Line:
    """One request at a time, by one thread; another one may `cut` it. `token` goes with each."""

    def __init__(self, url: SplitResult, patience: Patience, token: str | None = None) -> None:
        self._url = url
        self._fields = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._patience = patience
        self._cut = Event()
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(url.hostname or "", url.port, timeout=patience.connect)

    def ask(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Reply:
        """Waits and tries again where the service is busy, as long as it says.

        Raises EvaluationError for every other answer, for none, and when patience ends; Cut.
        """
        waited = 0.0
        while True:
            began = time.perf_counter()
            status, retry, data = self._exchange(method, path, content)
            seconds = time.perf_counter() - began
            body = _read(data)
            if status == _OK and body is not None:
                return Reply(body, seconds)
            if status not in _BUSY or (body or {}).get("code") in _NEVER:
                raise EvaluationError(self._told(status, body))
            pause = _pause(retry)
            waited += pause
            if waited > self._patience.waiting:
                raise EvaluationError(
                    f"{self._told(status, body)}; gave up, for it would be a wait of more than"
                    f" {self._patience.waiting:g} s in all"
                )
            if self._cut.wait(pause):
                raise Cut

    def cut(self) -> None:
        """End what is under way, and all that would come; the line is of no use afterwards."""
        self._cut.set()
        link = self._connection.sock
        if link is not None:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()

    def _exchange(
        self, method: str, path: str, content: Mapping[str, Any] | None
    ) -> tuple[int, str | None, bytes]:
        """On a kept connection that the service has closed meanwhile, once more on a new one."""
        kept = self._connection.sock is not None
        try:
            try:
                return self._try(method, path, content)
            except (ConnectionError, http.client.RemoteDisconnected):
                self._connection.close()
                if not kept or self._cut.is_set():
                    raise
                return self._try(method, path, content)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            if self._cut.is_set():
                raise Cut from error
            raise EvaluationError(self._unanswered(error)) from error

    def _try(
        self, method: str, path: str, content: Mapping[str, Any] | None
    ) -> tuple[int, str | None, bytes]:
        connection = self._connection
        if connection.sock is None:
            connection.timeout = self._patience.connect
            connection.connect()
        if self._cut.is_set():
            raise Cut
        connection.sock.settimeout(self._patience.answer)
        sent = None if content is None else json.dumps(content).encode()
        fields = self._fields | ({} if sent is None else {"Content-Type": "application/json"})
        connection.request(method, self._url.path.rstrip("/") + path, sent, fields)
        response = connection.getresponse()
        return response.status, response.getheader("Retry-After"), response.read()

    def _unanswered(self, error: Exception) -> str:
        where = self._url.geturl()
        if isinstance(error, ConnectionRefusedError):
            return (
                f"nobody answers at {where}: start the service (scripts/serve), or give its --url"
            )
        if isinstance(error, TimeoutError):
            return f"{where} does not answer within {self._patience.answer:g} s"
        if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
            return f"{where} does not speak HTTP as the service does ({type(error).__name__})"
        return f"{where} cannot be reached, or went away: {error}"

    def _told(self, status: int, body: Mapping[str, Any] | None) -> str:
        if body is None:
            return (
                f"{self._url.geturl()} is not the service: it answered {status}, and no JSON object"
            )
        said = body.get("error")
        if not isinstance(said, str):
            return f"{self._url.geturl()} is not the service: it answered {status} without a reason"
        return f"the service says: {said} ({status} {body.get('code', '')})"


def _read(data: bytes) -> Mapping[str, Any] | None:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _pause(retry: str | None) -> float:
    """Seconds of a Retry-After, 1 where it has none; a date, which the service never sends, too."""
    try:
        seconds = float(retry or "")
    except ValueError:
        return 1.0
    return max(0.0, seconds) if math.isfinite(seconds) else 1.0

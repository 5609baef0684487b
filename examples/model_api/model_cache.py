"""A client of the Model Cache Service: one file to copy, that needs httpx and nothing else."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

import httpx

LOST = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadError,
    httpx.WriteError,
    httpx.RemoteProtocolError,
)
"""What may go better at once: all that is asked of the service may be asked twice."""
BUSY = frozenset({429, 502, 503})
NOT_AGAIN = frozenset({"DEADLINE_EXCEEDED", "MODEL_NOT_REGISTERED"})
"""A text that took the service's whole patience already; a model that waits for its operator."""
IDLE_SECONDS = 4.0
"""The service closes a connection that is idle for 5 s: this side has to be the first."""
FIRST_WAIT = 0.1
"""Before the second try where the service asks for no other wait; doubled each time."""
SPREAD = 1.25
"""Waits are up to so many times longer, so that callers come back one by one."""


class ModelCacheError(Exception):
    """Why there is no answer: `code` and the message are the service's own, if it said something.

    `status` is None where no answer came: CONNECTION_FAILED, TOO_MANY_CALLS (of this process), or
    NO_ANSWER within the deadline. `again`: the same request may be answered in a moment.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        retry_after: float | None = None,
        again: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after = retry_after
        self.again = again


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model says of one text. `truncated`: it did not read all of it."""

    prediction: str
    confidence: float
    probabilities: Mapping[str, float]
    model_used: str
    truncated: bool


class Call(TypedDict, total=False):
    """What each call takes: seconds for it, its retries included, and an id for the logs."""

    deadline: float
    request_id: str


class ModelCache:
    """Holds the connections; make one, use it for the life of the process, and close it."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        deadline: float = 65.0,
        tries: int = 3,
        longest_wait: float = 5.0,
        connections: int = 32,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`longest_wait`: an error that asks to wait longer is raised at once."""
        self._deadline = deadline
        self._tries = tries
        self._longest_wait = longest_wait
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(None, connect=2.0, pool=1.0),
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=IDLE_SECONDS),
            transport=transport,
        )

    async def predict(
        self, model: str, text: str, *, cache: bool = True, **call: Unpack[Call]
    ) -> Prediction:
        """Ask one model about one text. `cache` False: it reads it, whatever it said before."""
        body = {"text": text, "model_name": model, "cache": cache}
        return _prediction(await self._ask("POST", "/predict", model, body, **call))

    async def predict_batch(
        self, model: str, texts: Sequence[str], **call: Unpack[Call]
    ) -> list[Prediction]:
        """Ask one model about several texts; the answers are in their order."""
        body = {"texts": list(texts), "model_name": model}
        answer = await self._ask("POST", "/predict/batch", model, body, **call)
        return [_prediction(each) for each in answer["results"]]

    async def models(self, **call: Unpack[Call]) -> dict[str, Any]:
        """All models and their state."""
        return await self._ask("GET", "/models", **call)

    async def load(self, model: str, **call: Unpack[Call]) -> dict[str, Any]:
        """Bring a model into memory; asks for the admin token."""
        return await self._ask("POST", f"/models/{_quoted(model)}/load", model, **call)

    async def warm_up(self, model: str, **call: Unpack[Call]) -> dict[str, Any]:
        """Let a model answer sample texts, loading it first; asks for the admin token."""
        return await self._ask("POST", f"/models/{_quoted(model)}/warmup", model, **call)

    async def health(self, **call: Unpack[Call]) -> dict[str, Any]:
        """Memory, models and hit rate."""
        return await self._ask("GET", "/health", **call)

    async def ready(self, **call: Unpack[Call]) -> bool:
        """Whether it takes requests now; asks once."""
        try:
            await self._ask("GET", "/readyz", tries=1, **call)
        except ModelCacheError:
            return False
        return True

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _ask(
        self,
        method: str,
        path: str,
        model: str = "",
        body: dict[str, Any] | None = None,
        *,
        tries: int | None = None,
        deadline: float | None = None,
        request_id: str = "",
    ) -> dict[str, Any]:
        """Ask within the deadline; the connection is closed then, and the service gives up, too."""
        named = {"X-Model-Name": _quoted(model), "X-Request-ID": request_id}
        headers = {name: value for name, value in named.items() if value}
        request = self._http.build_request(method, path, json=body, headers=headers)
        seconds = self._deadline if deadline is None else deadline
        until = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(until):
                return await self._insist(request, until, tries or self._tries)
        except TimeoutError:
            message = f"{method} {path} was not answered within {seconds:g} s"
            raise ModelCacheError(message, code="NO_ANSWER") from None

    async def _insist(self, request: httpx.Request, until: float, tries: int) -> dict[str, Any]:
        """Try again what may go better, as long as there is time for it."""
        tried = 0
        while True:
            tried += 1
            try:
                return await self._once(request)
            except ModelCacheError as error:
                wait = error.retry_after or FIRST_WAIT * 2 ** (tried - 1)
                left = until - asyncio.get_running_loop().time()
                late = wait > self._longest_wait or wait * SPREAD >= left
                if not error.again or tried >= tries or late:
                    raise
            await asyncio.sleep(wait * random.uniform(1, SPREAD))  # noqa: S311 - no secret

    async def _once(self, request: httpx.Request) -> dict[str, Any]:
        try:
            return _body(await self._http.send(request))
        except httpx.PoolTimeout as error:
            message = "all connections of this process are in use"
            raise ModelCacheError(message, code="TOO_MANY_CALLS") from error
        except httpx.TransportError as error:
            message = f"{type(error).__name__}: {error}"
            again = isinstance(error, LOST)
            raise ModelCacheError(message, code="CONNECTION_FAILED", again=again) from error


def _body(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer. A proxy's page is none, and an error."""
    try:
        body = response.json()
    except ValueError:
        body = None
    found: dict[str, Any] = body if isinstance(body, dict) else {}
    if response.is_success and found:
        return found
    code = str(found.get("code", f"HTTP_{response.status_code}"))
    asked = response.headers.get("Retry-After", "")
    raise ModelCacheError(
        str(found.get("error", f"HTTP status {response.status_code} without a known body")),
        code=code,
        status=response.status_code,
        retry_after=float(asked) if asked.isascii() and asked.isdigit() else None,
        again=response.status_code in BUSY and code not in NOT_AGAIN,
    )


def _prediction(answer: Mapping[str, Any]) -> Prediction:
    return Prediction(**{name: answer[name] for name in Prediction.__slots__})


def _quoted(model: str) -> str:
    """The same in the path and in the header, whatever is in the name."""
    return quote(model, safe=":@")

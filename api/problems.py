"""The one table from exceptions to error responses; no other place knows a status of an error."""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from api.units import now
from cache.errors import (
    CacheClosed,
    CacheError,
    InsufficientRoom,
    Quarantined,
    TooManyWaiting,
    TryLater,
)
from models.errors import (
    AliasNotSet,
    DeadlineExceeded,
    InferenceFailed,
    InvalidAlias,
    InvalidText,
    ModelError,
    ModelLoadFailed,
    ModelNotFound,
    ModelNotRegistered,
    RunnerDied,
)

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """Base of what the HTTP layer itself refuses; the message says what to do instead."""


class InvalidParameters(ApiError):
    """The parameters cannot be used."""


class Unauthorized(ApiError):
    """No token is sent, or a wrong one; `challenge` says what is asked for."""

    def __init__(self, message: str, *, challenge: str = "Bearer") -> None:
        super().__init__(message)
        self.challenge = challenge


class Forbidden(ApiError):
    """Whoever asks may not do this."""

    challenge = 'Bearer error="insufficient_scope"'


class RouteNotFound(ApiError):
    """No route has this path."""


class MethodNotAllowed(ApiError):
    """The path exists, the method does not."""


class PayloadTooLarge(ApiError):
    """More bytes than are read."""


class RateLimited(ApiError):
    """Too many requests."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ClientLeft(InvalidParameters):
    """Whoever asked has closed the connection; no one will read the answer."""


class NotReady(ApiError):
    """Asked for readiness before it was there, or after it ended."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What an exception becomes. `retry_after` (seconds) stands in where it carries none."""

    status: int
    code: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An error response before it is rendered."""

    kind: Kind
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


INTERNAL = Kind(500, "INTERNAL_ERROR")
TABLE: Mapping[type[Exception], Kind] = {
    InvalidParameters: Kind(400, "INVALID_PARAMETERS"),
    InvalidText: Kind(400, "INVALID_PARAMETERS"),
    InvalidAlias: Kind(400, "INVALID_PARAMETERS"),
    Unauthorized: Kind(401, "UNAUTHORIZED"),
    Forbidden: Kind(403, "FORBIDDEN"),
    ModelNotFound: Kind(404, "MODEL_NOT_FOUND"),
    RouteNotFound: Kind(404, "NOT_FOUND"),
    MethodNotAllowed: Kind(405, "METHOD_NOT_ALLOWED"),
    PayloadTooLarge: Kind(413, "PAYLOAD_TOO_LARGE"),
    RateLimited: Kind(429, "RATE_LIMITED", retry_after=1),
    ModelLoadFailed: Kind(500, "MODEL_LOAD_FAILED"),
    ModelNotRegistered: Kind(503, "MODEL_NOT_REGISTERED", retry_after=60),
    AliasNotSet: Kind(500, "INTERNAL_ERROR"),
    RunnerDied: Kind(500, "INTERNAL_ERROR"),
    InferenceFailed: Kind(500, "INTERNAL_ERROR"),
    CacheClosed: Kind(503, "MODEL_UNAVAILABLE", retry_after=5),
    NotReady: Kind(503, "MODEL_UNAVAILABLE", retry_after=1),
    InsufficientRoom: Kind(503, "INSUFFICIENT_MEMORY", retry_after=5),
    TooManyWaiting: Kind(503, "OVERLOADED", retry_after=1),
    Quarantined: Kind(503, "MODEL_UNAVAILABLE", retry_after=5),
    TryLater: Kind(503, "MODEL_UNAVAILABLE", retry_after=5),
    DeadlineExceeded: Kind(503, "DEADLINE_EXCEEDED", retry_after=1),
    Exception: INTERNAL,
}
HANDLED = (ApiError, ModelError, CacheError, HTTPException)
"""What the app's exception handler is registered for; the rest is unexpected."""


def kind_of(error: Exception) -> Kind:
    """Find the nearest class of the exception that the table knows."""
    return next(TABLE[cls] for cls in type(error).__mro__ if cls in TABLE)


def problem_of(error: Exception, request: Request) -> Problem:
    if isinstance(error, HTTPException):
        return _of_routing(error, request)
    kind = kind_of(error)
    if kind is INTERNAL:
        where = f"{request.method} {request.url.path!r}"
        logger.error("Unexpected error in %s", where, exc_info=error)
        return Problem(kind, "The service failed to answer; its log says why")
    return Problem(kind, str(error), _headers(error, kind))


def render(problem: Problem) -> Response:
    """Make the documented error response."""
    body = {
        "status": "error",
        "error": problem.message,
        "code": problem.kind.code,
        "timestamp": now(),
    }
    return Response(
        json.dumps(body),
        status_code=problem.kind.status,
        headers=dict(problem.headers),
        media_type="application/json",
    )


async def handle(request: Request, error: Exception) -> Response:
    """Answer an exception of a route, as Starlette's exception handlers do."""
    problem = problem_of(error, request)
    if request.method == "OPTIONS" and "Allow" in problem.headers:
        return Response(status_code=204, headers=dict(problem.headers))
    if not isinstance(error, ClientLeft):
        request.app.state.context.metrics.count_error(problem.kind.code)
    return render(problem)


def _of_routing(error: HTTPException, request: Request) -> Problem:
    """Translate what the router itself raises: no such path, or no such method."""
    path = _shortened(request.url.path)
    if error.status_code == TABLE[MethodNotAllowed].status:
        allowed = _allowed(error, request)
        message = f"{request.method} is not allowed on {path}; use {allowed}"
        return Problem(TABLE[MethodNotAllowed], message, {"Allow": allowed})
    if error.status_code == TABLE[RouteNotFound].status:
        message = f"There is no {path}; /docs lists what there is"
        return Problem(TABLE[RouteNotFound], message)
    logger.error("Unexpected answer of the router", exc_info=error)
    return Problem(INTERNAL, "The service failed to answer; its log says why")


def _allowed(error: HTTPException, request: Request) -> str:
    """List the methods of the path, of each route that has it; and what is answered everywhere."""
    methods = set((error.headers or {}).get("Allow", "").replace(" ", "").split(","))
    for route in request.app.state.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


def _headers(error: Exception, kind: Kind) -> dict[str, str]:
    challenge = getattr(error, "challenge", None)
    asked = {} if challenge is None else {"WWW-Authenticate": challenge}
    return asked | _retry(getattr(error, "retry_after", None), kind)


def _retry(given: float | None, kind: Kind) -> dict[str, str]:
    seconds = kind.retry_after if given is None else given
    if kind.retry_after is None or seconds is None:
        return {}
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _shortened(text: str, limit: int = 100) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"

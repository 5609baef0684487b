"""The HTTP side of the example; `uvicorn --factory examples.model_api.app:create_app` runs it."""

import logging
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, cast

import httpx
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from examples.model_api.checking import Checker
from examples.model_api.deciding import Decision, Fault, Unchecked, Verdict
from examples.model_api.model_cache import ModelCache
from examples.model_api.settings import Settings

REQUEST_ID = "X-Request-ID"
SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What the model cache takes over; it replaces any other."""
logger = logging.getLogger(__name__)
router = APIRouter()


class Text(BaseModel):
    text: str


def create_app(
    settings: Settings | None = None, transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Build the app; `transport` stands in for the network in tests."""
    chosen = settings or Settings()
    app = FastAPI(title="Model API", lifespan=lambda app: _lifespan(app, chosen, transport))
    app.middleware("http")(named)
    app.add_exception_handler(Unchecked, unchecked)
    app.include_router(router)
    return app


@asynccontextmanager
async def _lifespan(
    app: FastAPI, settings: Settings, transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[None]:
    """One client for the life of the app; requests are taken once the models are warm."""
    token = settings.cache_token
    cache = ModelCache(
        settings.cache_url,
        token=token.get_secret_value() if token else None,
        connections=settings.connections,
        transport=transport,
    )
    async with aclosing(cache):
        app.state.checker = Checker(cache, settings)
        await app.state.checker.prepare()
        yield


def checker_of(request: Request) -> Checker:
    return cast("Checker", request.app.state.checker)


Asked = Annotated[Checker, Depends(checker_of)]


@router.post("/check")
async def check(body: Text, request: Request, checker: Asked) -> Verdict:
    """Decide whether a text may go on."""
    return await checker.check(body.text, request.state.id)


@router.get("/ready")
async def ready(response: Response, checker: Asked) -> dict[str, str]:
    """Whether texts can be decided on now: with `fail` open, always."""
    answers = await checker.cache.ready(deadline=2.0)
    if not answers and checker.settings.fail == "closed":
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return {"model_cache": "ready" if answers else "not ready"}


async def named(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give each request an id, the client's if it sent one, and the answer the same."""
    given = request.headers.get(REQUEST_ID, "")
    request.state.id = given if SAFE_ID.fullmatch(given) else uuid.uuid4().hex
    response = await call_next(request)
    response.headers[REQUEST_ID] = request.state.id
    return response


async def unchecked(request: Request, error: Exception) -> Response:
    """Answer a text without a decision: block it. Only what is wrong with it is told in full."""
    found = cast("Unchecked", error)
    cause = found.cause
    logger.error("%s: unchecked: %s %s", request.state.id, cause.code, cause)
    if found.fault is Fault.TEXT:
        return blocked(cause.status or HTTPStatus.BAD_REQUEST, cause.code, str(cause))
    if found.fault is Fault.OPERATOR:
        return blocked(
            HTTPStatus.INTERNAL_SERVER_ERROR, "MISCONFIGURED", "The log of this service says why"
        )
    response = blocked(
        HTTPStatus.SERVICE_UNAVAILABLE, cause.code, "The text could not be checked; try later"
    )
    response.headers["Retry-After"] = f"{cause.retry_after or 1:.0f}"
    return response


def blocked(status: int, code: str, message: str) -> Response:
    """An error as the model cache writes them, with the decision for those who read only that."""
    body = {
        "status": "error",
        "error": message,
        "code": code,
        "decision": Decision.BLOCK,
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return JSONResponse(body, status)

"""The application: routes, error handlers, and the lifespan that opens and closes the use cases."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Receive, Scope, Send

from api.context import Context, attach
from api.documentation import DESCRIPTION, add_examples
from api.door import Keys
from api.edge import Edge
from api.hosting import tracer_of_bentoml
from api.lifecycle import (
    orderly_shutdown,
    stop_supervisor,
    tuned_garbage_collector,
    unhurried,
)
from api.limits import Limits
from api.listening import warn_if_open
from api.logs import report, set_level
from api.metrics import Metrics
from api.one_write import OneWrite
from api.page import build_ui
from api.pages import build_pages
from api.problems import HANDLED, handle
from api.routes import build_router
from api.schemas_ui import PageSettings
from api.settings import Settings
from api.shortcut import ShortCut, handlers_of
from api.spans import Spans, traced
from api.tickets import Tickets
from models.config import ServingConfig
from models.deadline import Deadlines
from models.port import ServingObserver, UseCases

VERSION = "0.1.0"
HEARTBEAT = 15.0
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""Of FastAPI: it would see part of the requests only. BentoML's tracing can be switched on."""
logger = logging.getLogger(__name__)
OpenUseCases = Callable[
    [ServingConfig, ServingObserver], contextlib.AbstractAsyncContextManager[UseCases]
]


class App(FastAPI):
    """FastAPI, with our examples in its OpenAPI, and a short cut past its routing."""

    def __init__(self, keys: Keys, **options: Any) -> None:
        super().__init__(**options)
        routes = build_router(keys)
        self.include_router(routes)
        self.state.routes = tuple(routes.routes)
        self._short_cut = ShortCut(super().__call__, self, handlers_of(routes))
        self._outermost = OneWrite(Tickets(self._short_cut))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._outermost(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            add_examples(super().openapi())
        return super().openapi()


def create_app(
    settings: Settings,
    open_use_cases: OpenUseCases,
    *,
    hosted: bool = False,
    heartbeat: float = HEARTBEAT,
) -> FastAPI:
    """Build the app. `hosted`: the process is the server's own, its signals and collector ours.

    `heartbeat`: seconds between the signs of life of a stream of events.
    """
    app = App(
        settings.keys(),
        title="Model Cache Service",
        description=DESCRIPTION,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        lifespan=lambda app: _lifespan(
            app, settings, open_use_cases, hosted=hosted, heartbeat=heartbeat
        ),
    )
    for kind in HANDLED:
        app.add_exception_handler(kind, handle)
    app.add_middleware(Edge)
    app.include_router(build_pages())
    app.include_router(build_ui(_told_to_the_page(settings)))
    return app


@contextlib.asynccontextmanager
async def _lifespan(
    app: FastAPI,
    settings: Settings,
    open_use_cases: OpenUseCases,
    *,
    hosted: bool,
    heartbeat: float,
) -> AsyncIterator[None]:
    metrics = Metrics()
    observer: ServingObserver = metrics
    if hosted and settings.bentoml_tracing:
        observer = traced(metrics, Spans(tracer_of_bentoml()))
    if hosted:
        set_level(settings.log_level)
        asyncio.get_running_loop().set_exception_handler(report)
        warn_if_open(settings.keys())
    async with contextlib.AsyncExitStack() as stack:
        try:
            opening = open_use_cases(settings.to_config(), observer)
            use_cases = await stack.enter_async_context(opening)
        except Exception:
            logger.critical("The service cannot start; the error follows")
            if hosted:
                stop_supervisor()
            raise
        attach(app, Context(use_cases, metrics, _limits(settings), heartbeat))
        if hosted:
            tuned = tuned_garbage_collector(lambda: use_cases.ready)
            await stack.enter_async_context(tuned)
            stack.enter_context(unhurried())
            delay = settings.shutdown_delay
            stack.enter_context(orderly_shutdown(use_cases.begin_shutdown, delay))
        yield


def _told_to_the_page(settings: Settings) -> PageSettings:
    keys = settings.keys()
    return PageSettings(
        version=VERSION,
        comfort_mark=settings.memory_threshold,
        max_models=settings.max_models,
        default_model=settings.default_model,
        ask_admin=bool(keys.admin),
        ask_predict=bool(keys.predict),
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        body_bytes=settings.max_body_bytes,
        text_chars=settings.max_text_chars,
        batch_texts=settings.max_batch_texts,
        reading=Deadlines(settings.request_timeout, "The body did not arrive in time"),
    )

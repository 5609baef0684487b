"""The example of another service, and its client, in front of our app, without a server."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.types import ASGIApp

from api.app import create_app
from api.settings import Settings
from examples.model_api import app as model_api
from examples.model_api import settings as model_api_settings
from examples.model_api.model_cache import ModelCache
from tests.fakes_api import FakeUseCases, opened
from tests.fakes_models import DEBERTA

URL = "http://model-cache"
PREDICT, ADMIN = "predict-" + "p" * 16, "admin-" + "a" * 16
TOKENS: dict[str, Any] = {"predict_token": PREDICT, "admin_token": ADMIN}


@dataclass(slots=True)
class Failing(FakeUseCases):
    """Raises `failures` first, one a request."""

    failures: list[Exception] = field(default_factory=list)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Carries requests to an app and remembers them; `cuts` are raised first, one each."""

    app: ASGIApp
    fake: FakeUseCases = field(default_factory=FakeUseCases)
    cuts: list[Exception] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.cuts:
            raise self.cuts.pop(0)
        return await httpx.ASGITransport(self.app).handle_async_request(request)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]


@contextlib.asynccontextmanager
async def wired(fake: FakeUseCases | None = None, **settings: Any) -> AsyncIterator[Wire]:
    """Run our app over fake use cases; `settings` are those that differ from the defaults."""
    use_cases = FakeUseCases() if fake is None else fake
    app = create_app(Settings(**settings), lambda _config, observe: opened(use_cases, observe))
    async with app.router.lifespan_context(app):
        yield Wire(app, use_cases)


@contextlib.asynccontextmanager
async def client_of(wire: Wire, **options: Any) -> AsyncIterator[ModelCache]:
    async with contextlib.aclosing(ModelCache(URL, transport=wire, **options)) as cache:
        yield cache


@contextlib.asynccontextmanager
async def example(
    wire: Wire, *, forget: bool = True, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the example in its lifespan; gives a client. `forget`: what it asked at its start."""
    chosen = {"cache_url": URL, "models": (DEBERTA,), **settings}
    app = model_api.create_app(model_api_settings.Settings(**chosen), wire)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://model-api") as client:
            if forget:
                wire.requests.clear()
            yield client

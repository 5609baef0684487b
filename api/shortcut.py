"""The way that most requests go: straight to their handler, past the framework's search for it."""

from collections.abc import Mapping
from typing import cast

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.door import Handler
from api.problems import handle


class ShortCut:
    """Calls the handlers of paths without parameters itself; all else goes to the `framework`.

    `app` is what a handler finds as its request's.

    FastAPI tries route after route, twice, and opens three contexts around a handler that needs
    none of it: two thirds of what our layers cost a cached prediction. Its routes stay, for the
    documentation and for HEAD, OPTIONS and wrong methods; a test holds both ways to one answer.
    """

    def __init__(
        self, framework: ASGIApp, app: Starlette, handlers: Mapping[tuple[str, str], Handler]
    ) -> None:
        self._framework = framework
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = None
        if scope["type"] == "http" and not scope.get("root_path"):
            handler = self._handlers.get((scope["method"], scope["path"]))
        if handler is None:
            await self._framework(scope, receive, send)
            return
        scope["app"] = self._app
        request = Request(scope, receive, send)
        try:
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - the table has a row for every exception
            response = await handle(request, error)
        await response(scope, receive, send)


def handlers_of(router: APIRouter) -> dict[tuple[str, str], Handler]:
    """The handlers by method and path, of paths that have no parameters."""
    return {
        (method, route.path): cast("Handler", route.endpoint)
        for route in router.routes
        if isinstance(route, APIRoute) and not route.param_convertors
        for method in route.methods or ()
    }

"""ASGI pieces around the app."""

from collections.abc import Collection
from itertools import pairwise
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import handle

BENTO_METRICS = "/metrics/bentoml"
"""Where BentoML's own metrics are shown, if they are switched on: /metrics is ours."""
VEILED = "model_cache.query"
"""Where Veil puts a request's query for Front."""


class Edge:
    """Answers HEAD as GET without a body, at once, and what no handler expected as a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = ended = False

        async def observed(message: Message) -> None:
            nonlocal started, ended
            started = True
            if head and message["type"] == "http.response.body":
                if ended:
                    return
                ended = True
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        head = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if head else scope
        try:
            await self._app(inner, receive, observed)
        except Exception as error:
            if started:
                raise
            response = await handle(Request(scope), error)
            await response(scope, receive, observed)


class Front:
    """Hands every HTTP request to our app, before anything of BentoML answers it.

    BentoML builds its own application around the mounted one: unmatched paths get its plain text,
    and its timeout keeps a timer a request until the time is up, answered or not: 0.5 KB each, and
    8 MB for 16,000 requests. So Front, innermost of BentoML's middlewares, becomes the first at
    startup, behind those only whose class is named in `keep`.

    BentoML's pieces get to see no query: it may have a text, and traces would carry it away.

    `bento_metrics`: whether BentoML counts, and shows what it counted at BENTO_METRICS.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        front: ASGIApp,
        keep: Collection[str] = (),
        bento_metrics: bool = False,
    ) -> None:
        self._inner = app
        self._front = front
        self._keep = keep
        self._bento_metrics = bento_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            query = scope.pop(VEILED, None)
            if query is not None:
                scope["query_string"] = query
            if self._bento_metrics and _asks_for_metrics_of_bento(scope):
                page = {**scope, "path": "/metrics", "raw_path": b"/metrics"}
                await self._inner(page, receive, send)
                return
            await self._front(scope, receive, send)
            return
        outer = scope.get("app")
        if scope["type"] == "lifespan" and isinstance(outer, Starlette):
            outer.middleware_stack = self._after_kept(outer.middleware_stack)
        await self._inner(scope, receive, send)

    def _after_kept(self, stack: Any) -> ASGIApp:
        """Link what is kept to one another and to this, the pieces themselves: they have begun."""
        kept: list[Any] = []
        piece = stack
        while piece is not self:
            if type(piece).__name__ in self._keep:
                kept.append(piece)
            piece = piece.app
        kept.append(self)
        for before, after in pairwise(kept):
            before.app = after
        return cast("ASGIApp", self if kept == [self] else Veil(kept[0]))


class Veil:
    """Hides the query of a request from the pieces between this and Front."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "query_string": b"", VEILED: scope["query_string"]}
        await self.app(scope, receive, send)


def _asks_for_metrics_of_bento(scope: Scope) -> bool:
    return scope["path"] == BENTO_METRICS and scope["method"] in ("GET", "HEAD")

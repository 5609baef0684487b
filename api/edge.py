"""ASGI pieces around the app."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import handle


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
    startup. If a later BentoML has no such place, it stays where it was put and answers the same.
    """

    def __init__(self, app: ASGIApp, *, front: ASGIApp) -> None:
        self._inner = app
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._front(scope, receive, send)
            return
        if scope["type"] == "lifespan" and hasattr(scope.get("app"), "middleware_stack"):
            scope["app"].middleware_stack = self
        await self._inner(scope, receive, send)

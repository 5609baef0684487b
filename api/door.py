"""Which routes ask for a token, and the check that comes before anything of a request is read."""

import functools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from hmac import compare_digest

from starlette.requests import Request
from starlette.responses import Response

from api.problems import Forbidden, Unauthorized

Handler = Callable[[Request], Awaitable[Response]]
Headers = Iterable[tuple[bytes, bytes]]


class Access(Enum):
    """Which token a route asks for, if there is one."""

    OPEN = "none"
    PREDICT = "the predict token or the admin token"
    ADMIN = "the admin token"


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The tokens; without an admin token nothing is locked."""

    admin: tuple[bytes, ...] = ()
    predict: tuple[bytes, ...] = ()


def access_of(method: str, path: str) -> Access:
    """Whatever is no prediction and does not only read is the operator's, new routes included."""
    if path == "/predict" or path.startswith("/predict/"):
        return Access.PREDICT
    return Access.OPEN if method == "GET" else Access.ADMIN


def behind_door(handler: Handler, access: Access, keys: Keys) -> Handler:
    """The handler with the check before it, or itself where no token is asked for."""
    good = {
        Access.OPEN: (),
        Access.PREDICT: keys.predict and keys.predict + keys.admin,
        Access.ADMIN: keys.admin,
    }[access]
    if not good:
        return handler

    @functools.wraps(handler)
    async def guarded(request: Request) -> Response:
        if not _is_one_of(_token(request.scope["headers"]), good):
            raise _refusal(request, access, keys)
        return await handler(request)

    return guarded


def _token(headers: Headers) -> bytes:
    """What follows "Bearer" in the one Authorization field; nothing where there is none, or two."""
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1:
        return b""
    scheme, _, token = found[0].partition(b" ")
    return token.lstrip(b" ") if scheme.lower() == b"bearer" else b""


def _is_one_of(token: bytes, good: tuple[bytes, ...]) -> bool:
    """Compared with all of them, in a time that does not depend on where one differs."""
    return any([compare_digest(token, each) for each in good])  # noqa: C419 - each is looked at


def _refusal(request: Request, access: Access, keys: Keys) -> Exception:
    """The challenge is that of RFC 6750, section 3."""
    token = _token(request.scope["headers"])
    send = f"send the header 'Authorization: Bearer TOKEN' with {access.value}"
    if not token:
        return Unauthorized(f"This asks for a token: {send}")
    if _is_one_of(token, keys.predict):
        return Forbidden(f"The predict token is not enough for this: {send}")
    return Unauthorized(
        f"The token is not a right one: {send}", challenge='Bearer error="invalid_token"'
    )

"""From query strings, and headers that stand for them, to options: strict, with 400 or 413."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from api.durations import parse_duration
from api.limits import Limits
from api.negotiation import prefers_stream
from api.problems import InvalidParameters, PayloadTooLarge

MAX_QUERY_FIELDS = 20
MAX_EVENTS = 1000
WHOLE_NUMBER = re.compile("[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`keep_alive` in seconds, None where none is asked for."""

    keep_alive: float | None
    dry_run: bool


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """`keep_alive` as in LoadOptions; without `cache` the text is read whatever was answered."""

    keep_alive: float | None
    cache: bool


@dataclass(frozen=True, slots=True)
class EventOptions:
    """The id after which to begin, how many at most (None: not said), and whether to follow."""

    after: int
    limit: int | None
    stream: bool


def load_options(request: Request, limits: Limits) -> LoadOptions:
    fields = query_fields(request, limits, allowed=("keep_alive", "dry_run"))
    return LoadOptions(keep_alive_of(fields.get("keep_alive")), _flag(fields, "dry_run"))


def event_options(request: Request, limits: Limits) -> EventOptions:
    """Take them from the query. Accept may ask for a stream, Last-Event-ID says where it broke.

    A reader who comes again asks for all that he missed, whatever the limit was at first.
    """
    fields = query_fields(request, limits, allowed=("after", "limit", "stream"))
    after = _number(fields, "after", "0")
    limit = _number(fields, "limit", "1") if "limit" in fields else None
    if limit is not None and not 1 <= limit <= MAX_EVENTS:
        raise InvalidParameters(f"limit is {limit}: give 1 to {MAX_EVENTS}")
    streamed = _flag(fields, "stream")
    if "stream" not in fields:
        streamed = prefers_stream(request.headers.get("accept", "*/*"))
    if streamed and request.headers.get("last-event-id"):
        return EventOptions(_number(request.headers, "Last-Event-ID", "0"), None, stream=True)
    return EventOptions(after, limit, streamed)


def keep_alive_of(value: object) -> float | None:
    """Read a keep-alive in seconds, infinite for never; None if none is given."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        given = f"is {shown(value)}" if isinstance(value, str) else "cannot be used"
        raise InvalidParameters(f"keep_alive {given}: {error}") from None


def cache_of(fields: Mapping[str, str]) -> bool | None:
    """Whether the prediction cache may be used; None if nothing is said."""
    return _flag(fields, "cache") if "cache" in fields else None


def flag(request: Request, limits: Limits, name: str) -> bool:
    """Read the one query parameter there is, true or false; false when it is missing."""
    return _flag(query_fields(request, limits, allowed=(name,)), name)


def query_fields(request: Request, limits: Limits, *, allowed: Sequence[str]) -> dict[str, str]:
    """Parse the query strictly: UTF-8, known fields, each at most once."""
    raw: bytes = request.scope["query_string"]
    if not raw:
        return {}
    if len(raw) > limits.body_bytes:
        raise PayloadTooLarge(
            f"The query has {len(raw)} bytes, at most {limits.body_bytes} are read; "
            "send long texts as JSON body"
        )
    fields: dict[str, str] = {}
    for name, value in _parse_query(raw):
        if name not in allowed:
            raise InvalidParameters(
                f"Unknown query parameter {shown(name)}; known: {', '.join(allowed) or 'none'}"
            )
        if fields.setdefault(name, value) != value:
            raise InvalidParameters(f"{name} is given twice with different values: give it once")
    return fields


def shown(text: str) -> str:
    return repr(shortened(text))


def shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _flag(fields: Mapping[str, str], name: str) -> bool:
    value = fields.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise InvalidParameters(f"{name} is {shown(value)}: give true or false")
    return value in ("true", "1")


def _number(fields: Mapping[str, str], name: str, default: str) -> int:
    value = fields.get(name, default)
    if not WHOLE_NUMBER.fullmatch(value):
        raise InvalidParameters(f"{name} is {shown(value)}: give a whole number, 0 or more")
    return int(value)


def _parse_query(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            raw.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_QUERY_FIELDS,
        )
    except UnicodeDecodeError:
        raise InvalidParameters("The query is not UTF-8: encode it as UTF-8, then %XX") from None
    except ValueError:
        raise InvalidParameters(f"The query has more than {MAX_QUERY_FIELDS} fields") from None

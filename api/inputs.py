"""From requests to arguments: what is wrong with one is said here, as 400, 404 or 413."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from api.problems import InvalidParameters, PayloadTooLarge
from api.schemas import In, PredictBatchIn, PredictIn
from models.errors import DeadlineExceeded

# C0 controls but tab, newline, vertical tab, form feed and return; DEL; lone surrogates.
FORBIDDEN_CHARACTER = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
MAX_QUERY_FIELDS = 20
JSON_TYPE = re.compile(r"application/([\w.+-]+\+)?json")
B = TypeVar("B", bound=In)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read of a request, and for how long (seconds)."""

    body_bytes: int
    text_chars: int
    batch_texts: int
    read_timeout: float


async def predict_arguments(request: Request, limits: Limits) -> tuple[str, str | None]:
    """Take text and model_name from the query, a JSON body, or both if they agree."""
    query = query_fields(request, limits, allowed=("text", "model_name"))
    body = await read_body(request, limits)
    given = parse_body(PredictIn, body, request) if body else PredictIn()
    text = _agreed("text", query.get("text"), given.text)
    name = _agreed("model_name", query.get("model_name"), given.model_name)
    if text is None:
        raise InvalidParameters("text is missing: give it in the query or as JSON body")
    check_text(text, limits)
    return text, checked_name(name)


async def batch_arguments(request: Request, limits: Limits) -> tuple[Sequence[str], str | None]:
    """Take texts and model_name from the JSON body."""
    query_fields(request, limits, allowed=())
    body = await read_body(request, limits)
    if not body:
        raise InvalidParameters('A JSON body is missing: send {"texts": ["…"]}')
    given = parse_body(PredictBatchIn, body, request)
    if not given.texts:
        raise InvalidParameters("texts is empty: give at least one text")
    if len(given.texts) > limits.batch_texts:
        raise InvalidParameters(
            f"texts has {len(given.texts)} entries, at most {limits.batch_texts} are allowed: "
            "send them in several batches"
        )
    for index, text in enumerate(given.texts):
        check_text(text, limits, field=f"texts[{index}]")
    return given.texts, checked_name(given.model_name)


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
                f"Unknown query parameter {_shown(name)}; known: {', '.join(allowed) or 'none'}"
            )
        if fields.setdefault(name, value) != value:
            raise InvalidParameters(f"{name} is given twice with different values: give it once")
    return fields


def flag(request: Request, limits: Limits, name: str) -> bool:
    """Read a true/false query parameter, false when it is missing."""
    value = query_fields(request, limits, allowed=(name,)).get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise InvalidParameters(f"{name} is {_shown(value)}: give true or false")
    return value in ("true", "1")


def checked_name(name: str | None) -> str | None:
    """Refuse a blank name; whether a name names anything is for the use cases to say."""
    if name is not None and not name.strip():
        raise InvalidParameters("model_name is blank: leave it out or name a model")
    return name


def check_text(text: str, limits: Limits, field: str = "text") -> None:
    """Refuse a text that no model should see; `field` names it in the message."""
    if len(text) > limits.text_chars:
        raise InvalidParameters(
            f"{field} has {len(text)} characters, at most {limits.text_chars} are allowed: "
            "shorten or split it"
        )
    if not text or text.isspace():
        raise InvalidParameters(f"{field} is blank: give some text to analyze")
    found = FORBIDDEN_CHARACTER.search(text)
    if found:
        raise InvalidParameters(
            f"{field} contains the character U+{ord(found.group()):04X} at position "
            f"{found.start()}: remove control characters and lone surrogates"
        )


async def read_body(request: Request, limits: Limits) -> bytes:
    """Read the body, counting; a declared or counted length over the limit is refused."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limits.body_bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.read_timeout):
            return await _read(request, limits)
    except TimeoutError:
        raise DeadlineExceeded("The body did not arrive in time") from None
    except ClientDisconnect:
        raise InvalidParameters("The body ended early") from None


def parse_body(model: type[B], body: bytes, request: Request) -> B:
    """Parse a JSON body strictly."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if not JSON_TYPE.fullmatch(kind.lower()):
        raise InvalidParameters(f"Content-Type is {_shown(kind)}: send application/json")
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise InvalidParameters(f"Content-Encoding is {_shown(coding)}: send the body as it is")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidParameters(_explained(first["loc"], first["msg"])) from None


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


async def _read(request: Request, limits: Limits) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limits.body_bytes:
            raise _too_large(limits)
    return bytes(received)


def _too_large(limits: Limits) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body has more than the {limits.body_bytes} bytes that are read")


def _agreed(field: str, in_query: str | None, in_body: str | None) -> str | None:
    if in_query is not None and in_body is not None and in_query != in_body:
        raise InvalidParameters(
            f"{field} differs between the query and the body: give it in one of them"
        )
    return in_body if in_query is None else in_query


def _explained(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return f"The body cannot be used: {message}"
    first, *rest = location
    place = "".join(f"[{part}]" for part in rest)
    return f"{_shortened(str(first))}{place} cannot be used: {message}"


def _shown(text: str) -> str:
    return repr(_shortened(text))


def _shortened(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"

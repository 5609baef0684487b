"""From requests to arguments: what is wrong with one is said here, as 400, 404 or 413."""

import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from api.bodies import PredictBatchIn, PredictIn
from api.forms import In
from api.limits import Limits
from api.problems import InvalidParameters, PayloadTooLarge
from api.queries import PredictOptions, cache_of, keep_alive_of, query_fields, shortened, shown

# C0 controls but tab, newline, vertical tab, form feed and return; DEL; lone surrogates.
FORBIDDEN_CHARACTER = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
JSON_TYPE = re.compile(r"application/([\w.+-]+\+)?json")
A = TypeVar("A", str, float, bool)
B = TypeVar("B", bound=In)


async def predict_arguments(
    request: Request, limits: Limits
) -> tuple[str, str | None, PredictOptions]:
    """Take text, model_name and options from the query, a JSON body, or both if they agree."""
    query = query_fields(request, limits, allowed=("text", "model_name", "keep_alive", "cache"))
    body = await read_body(request, limits)
    given = parse_body(PredictIn, body, request) if body else PredictIn()
    text = _agreed("text", query.get("text"), given.text)
    name = _agreed("model_name", query.get("model_name"), given.model_name)
    in_query, in_body = keep_alive_of(query.get("keep_alive")), keep_alive_of(given.keep_alive)
    if text is None:
        raise InvalidParameters("text is missing: give it in the query or as JSON body")
    check_text(text, limits)
    keep_alive = _agreed("keep_alive", in_query, in_body)
    cache = _agreed("cache", cache_of(query), given.cache)
    return text, checked_name(name), PredictOptions(keep_alive, cache is not False)


async def batch_arguments(
    request: Request, limits: Limits
) -> tuple[Sequence[str], str | None, PredictOptions]:
    """Take texts, model_name and options from the JSON body."""
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
    options = PredictOptions(keep_alive_of(given.keep_alive), given.cache is not False)
    return given.texts, checked_name(given.model_name), options


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
        with limits.reading.deadline():
            return await _read(request, limits)
    except ClientDisconnect:
        raise InvalidParameters("The body ended early") from None


def parse_body(model: type[B], body: bytes, request: Request) -> B:
    """Parse a JSON body strictly."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if not JSON_TYPE.fullmatch(kind.lower()):
        raise InvalidParameters(f"Content-Type is {shown(kind)}: send application/json")
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise InvalidParameters(f"Content-Encoding is {shown(coding)}: send the body as it is")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidParameters(_explained(first["loc"], first["msg"])) from None


async def _read(request: Request, limits: Limits) -> bytes:
    received, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        received += message.get("body", b"")
        more = message.get("more_body", False)
        if len(received) > limits.body_bytes:
            raise _too_large(limits)
    return bytes(received)


def _too_large(limits: Limits) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body has more than the {limits.body_bytes} bytes that are read")


def _agreed(field: str, in_query: A | None, in_body: A | None) -> A | None:
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
    return f"{shortened(str(first))}{place} cannot be used: {message}"

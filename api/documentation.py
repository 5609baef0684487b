"""What OpenAPI says of each route beyond its path: parameters, bodies, answers, errors."""

from types import UnionType
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse

from api import schemas
from api.bodies import CACHE, KEEP_ALIVE, PredictBatchIn, PredictIn
from api.door import Access, access_of
from api.examples import ERROR, PREDICT_BATCH_REQUEST, PREDICT_REQUEST, RESPONSES
from api.examples_cache import EVENT_STREAM, OF_SCHEMAS
from api.examples_metrics import METRICS
from api.examples_versions import ALIAS_REQUEST
from api.queries import MAX_EVENTS
from api.schemas_versions import AliasIn

DESCRIPTION = """Serves many text classifiers over one port within one machine's memory.

Errors always have the shape of `ErrorOut`; every 429 and 503 carries `Retry-After`."""
Model = type[BaseModel] | UnionType | None
"""The schema of an answer; None for plain text."""

OPERATIONAL = ("/livez", "/readyz", "/healthz")
STREAM = "text/event-stream"
ALIAS = "/models/{model_name}/aliases/{alias}"
REQUEST_ID = "X-Request-ID"
OF_ANSWERS = {
    REQUEST_ID: {"description": "The request's own, or one of ours", "schema": {"type": "string"}}
}
ANYWHERE = {500: "INTERNAL_ERROR"}
OF_MODELS = {
    404: "MODEL_NOT_FOUND",
    500: "MODEL_LOAD_FAILED or INTERNAL_ERROR",
    503: "MODEL_NOT_REGISTERED, MODEL_UNAVAILABLE, INSUFFICIENT_MEMORY, OVERLOADED or "
    "DEADLINE_EXCEEDED",
}
OF_ACCESS: dict[Access, dict[int, str]] = {
    Access.OPEN: {},
    Access.PREDICT: {401: "UNAUTHORIZED"},
    Access.ADMIN: {401: "UNAUTHORIZED", 403: "FORBIDDEN"},
}
TOKENS: dict[Access, tuple[str, ...]] = {
    Access.OPEN: (),
    Access.PREDICT: ("PredictToken", "AdminToken"),
    Access.ADMIN: ("AdminToken",),
}
SCHEMES = {
    "PredictToken": "For predictions, if MODEL_CACHE_PREDICT_TOKEN is set",
    "AdminToken": "For what changes state, if MODEL_CACHE_ADMIN_TOKEN is set; and for predictions",
}
OF_INPUTS = {400: "INVALID_PARAMETERS", 413: "PAYLOAD_TOO_LARGE"}
ERRORS: dict[str, dict[int, str]] = {
    "/models/{model_name}": {404: "MODEL_NOT_FOUND"},
    "/models/{model_name}/load": {**OF_MODELS, 400: "INVALID_PARAMETERS"},
    "/models/{model_name}/pin": {400: "INVALID_PARAMETERS", 404: "MODEL_NOT_FOUND"},
    "/models/{model_name}/unpin": {400: "INVALID_PARAMETERS", 404: "MODEL_NOT_FOUND"},
    "/cleanup": {400: "INVALID_PARAMETERS"},
    "/events": {400: "INVALID_PARAMETERS", 503: "OVERLOADED"},
    "/models/{model_name}/unload": {404: "MODEL_NOT_FOUND"},
    "/models/{model_name}/versions": {400: "INVALID_PARAMETERS", 404: "MODEL_NOT_FOUND"},
    ALIAS: {**OF_INPUTS, 404: "MODEL_NOT_FOUND"},
    "/models/{model_name}/warmup": {**OF_MODELS, 400: "INVALID_PARAMETERS"},
    "/predict": {**OF_MODELS, **OF_INPUTS},
    "/predict/batch": {**OF_MODELS, **OF_INPUTS},
    "/readyz": {503: "MODEL_UNAVAILABLE"},
}


def documented(path: str, text: str | None, model: Model, method: str) -> dict[str, Any]:
    """Make the arguments of `add_api_route` that document a route."""
    return {
        "summary": (text or path).rstrip("."),
        "tags": ["operation" if path in OPERATIONAL else "model cache"],
        "responses": {**_answers(path, model), **_errors(path, access_of(method, path))},
        "response_class": PlainTextResponse if model is None else JSONResponse,
        "openapi_extra": _inputs(path, method) | _security(access_of(method, path)),
    }


def add_examples(document: dict[str, Any]) -> None:
    """Put the examples in afterwards: FastAPI would drop what is null in them."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                answer["headers"] = OF_ANSWERS
                for kind, content in answer["content"].items():
                    route = f"{method.upper()} {path}"
                    content["example"] = _example(route, status, answer, kind)
    document["components"]["securitySchemes"] = {
        name: {"type": "http", "scheme": "bearer", "description": text}
        for name, text in SCHEMES.items()
    }
    for name, example in OF_SCHEMAS.items():
        document["components"]["schemas"][name]["example"] = example


def _example(route: str, status: str, answer: dict[str, Any], kind: str) -> object:
    if kind == STREAM:
        return EVENT_STREAM
    if not status.startswith("2"):
        return {**ERROR, "code": answer["description"].split()[0].rstrip(",")}
    return RESPONSES.get(f"{route} {status}", RESPONSES.get(route, METRICS))


def _answers(path: str, model: Model) -> dict[int | str, dict[str, Any]]:
    if model is None:
        return {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    found: dict[int | str, dict[str, Any]] = {200: {"model": model}}
    if path == "/events":
        found[200]["content"] = {STREAM: {"schema": {"type": "string"}}}
    if path.endswith("/warmup"):
        found[202] = {"model": schemas.WarmupStartedOut, "description": "Started"}
    return found


def _errors(path: str, access: Access) -> dict[int | str, dict[str, Any]]:
    found = {**ANYWHERE, **OF_ACCESS[access], **ERRORS.get(path, {})}
    return {
        status: {"model": schemas.ErrorOut, "description": codes}
        for status, codes in sorted(found.items())
    }


def _security(access: Access) -> dict[str, Any]:
    """Any one of them will do; the empty one is that of a service without tokens."""
    named: list[dict[str, list[str]]] = [{name: []} for name in TOKENS[access]]
    return {"security": [*named, {}]} if named else {}


def _inputs(path: str, method: str) -> dict[str, Any]:
    parameters = [_path("model_name", MODEL_FORM)] if "{model_name}" in path else []
    parameters += [_path("alias", ALIAS_FORM)] if path == ALIAS else []
    parameters += [*PARAMETERS.get(path, []), ASKED_ID]
    found: dict[str, Any] = {"parameters": parameters}
    if path == "/predict":
        found["requestBody"] = _body(PredictIn, PREDICT_REQUEST, required=False)
    if path == "/predict/batch":
        found["requestBody"] = _body(PredictBatchIn, PREDICT_BATCH_REQUEST, required=True)
    if path == ALIAS and method == "PUT":
        found["requestBody"] = _body(AliasIn, ALIAS_REQUEST, required=True)
    return found


def _query(name: str, text: str, kind: str = "string") -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": {"type": kind}}


def _header(name: str, text: str) -> dict[str, Any]:
    return {**_query(name, text), "in": "header"}


def _path(name: str, text: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _body(model: type[BaseModel], example: object, *, required: bool) -> dict[str, Any]:
    content = {"schema": model.model_json_schema(), "example": example}
    return {"required": required, "content": {"application/json": content}}


ALIAS_FORM = (
    'Up to 31 lowercase letters, digits, "-" and "_", a letter first: "champion" is what the plain '
    'name stands for; not "latest", which is the newest version'
)
MODEL_FORM = "Name of the model; name:version, name:alias or name@alias for one of its versions"
DRY_RUN = _query("dry_run", "Do nothing, and answer what would be done", kind="boolean")
ASKED_ID = _header(REQUEST_ID, "For the answer and the log: up to 64 letters, digits and ._:-")
PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "/models/{model_name}/load": [_query("keep_alive", KEEP_ALIVE), DRY_RUN],
    "/models/{model_name}/warmup": [
        _query("background", "Answer 202 at once", kind="boolean"),
    ],
    "/predict": [
        _query("text", "Text to analyze"),
        _query("model_name", "Model to use"),
        _query("keep_alive", KEEP_ALIVE),
        _query("cache", CACHE, kind="boolean"),
    ],
    "/cleanup": [DRY_RUN],
    "/events": [
        _query(
            "after",
            "Give events with a higher id: `last_id`, or that of the last one seen. One that was "
            "not given yet is of an earlier life of the service, and stands for 0",
            kind="integer",
        ),
        _query(
            "limit",
            f"Give the newest so many, 1 to {MAX_EVENTS}; 100 if it is missing, and all of those "
            "that are kept in a stream",
            kind="integer",
        ),
        _query(
            "stream",
            "Go on with events as they happen; also if Accept prefers text/event-stream",
            kind="boolean",
        ),
        _header("Last-Event-ID", "Where a broken stream goes on, in place of `after`"),
    ],
}

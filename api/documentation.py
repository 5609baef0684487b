"""What OpenAPI says of each route beyond its path: parameters, bodies, answers, errors."""

from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse

from api import schemas
from api.examples import ERROR, METRICS, PREDICT_BATCH_REQUEST, PREDICT_REQUEST, RESPONSES

DESCRIPTION = """Serves many text classifiers over one port within one machine's memory.

Errors always have the shape of `ErrorOut`; every 429 and 503 carries `Retry-After`."""
OPERATIONAL = ("/livez", "/readyz", "/healthz")
ANYWHERE = {500: "INTERNAL_ERROR"}
OF_MODELS = {
    404: "MODEL_NOT_FOUND",
    500: "MODEL_LOAD_FAILED or INTERNAL_ERROR",
    503: "MODEL_NOT_REGISTERED, MODEL_UNAVAILABLE, INSUFFICIENT_MEMORY, OVERLOADED or "
    "DEADLINE_EXCEEDED",
}
OF_INPUTS = {400: "INVALID_PARAMETERS", 413: "PAYLOAD_TOO_LARGE"}
ERRORS: dict[str, dict[int, str]] = {
    "/models/{model_name}": {404: "MODEL_NOT_FOUND"},
    "/models/{model_name}/load": OF_MODELS,
    "/models/{model_name}/unload": {404: "MODEL_NOT_FOUND"},
    "/models/{model_name}/warmup": {**OF_MODELS, 400: "INVALID_PARAMETERS"},
    "/predict": {**OF_MODELS, **OF_INPUTS},
    "/predict/batch": {**OF_MODELS, **OF_INPUTS},
    "/readyz": {503: "MODEL_UNAVAILABLE"},
}


def documented(path: str, text: str | None, model: type[BaseModel] | None) -> dict[str, Any]:
    """Make the arguments of `add_api_route` that document a route."""
    return {
        "summary": (text or path).rstrip("."),
        "tags": ["operation" if path in OPERATIONAL else "model cache"],
        "responses": {**_answers(path, model), **_errors(path)},
        "response_class": PlainTextResponse if model is None else JSONResponse,
        "openapi_extra": _inputs(path),
    }


def add_examples(document: dict[str, Any]) -> None:
    """Put the examples in afterwards: FastAPI would drop what is null in them."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                for content in answer["content"].values():
                    content["example"] = _example(f"{method.upper()} {path}", status, answer)


def _example(route: str, status: str, answer: dict[str, Any]) -> object:
    if not status.startswith("2"):
        return {**ERROR, "code": answer["description"].split()[0].rstrip(",")}
    return RESPONSES.get(f"{route} {status}", RESPONSES.get(route, METRICS))


def _answers(path: str, model: type[BaseModel] | None) -> dict[int | str, dict[str, Any]]:
    if model is None:
        return {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    found: dict[int | str, dict[str, Any]] = {200: {"model": model}}
    if path.endswith("/warmup"):
        found[202] = {"model": schemas.WarmupStartedOut, "description": "Started"}
    return found


def _errors(path: str) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": schemas.ErrorOut, "description": codes}
        for status, codes in sorted({**ANYWHERE, **ERRORS.get(path, {})}.items())
    }


def _inputs(path: str) -> dict[str, Any]:
    if path == "/predict":
        parameters = [_query("text", "Text to analyze"), _query("model_name", "Model to use")]
        body = _body(schemas.PredictIn, PREDICT_REQUEST, required=False)
        return {"parameters": parameters, "requestBody": body}
    if path == "/predict/batch":
        return {"requestBody": _body(schemas.PredictBatchIn, PREDICT_BATCH_REQUEST, required=True)}
    parameters = [_path("model_name", "Name of the model")] if "{model_name}" in path else []
    if path.endswith("/warmup"):
        parameters += [_query("background", "Answer 202 at once", kind="boolean")]
    return {"parameters": parameters} if parameters else {}


def _query(name: str, text: str, kind: str = "string") -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": {"type": kind}}


def _path(name: str, text: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _body(model: type[BaseModel], example: object, *, required: bool) -> dict[str, Any]:
    content = {"schema": model.model_json_schema(), "example": example}
    return {"required": required, "content": {"application/json": content}}

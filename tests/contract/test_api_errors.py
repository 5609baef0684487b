"""Whatever is wrong with a request, the answer has the documented error shape and a known code."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.schemas import ErrorOut
from cache.errors import CacheClosed, InsufficientRoom, Quarantined, TooManyWaiting
from models.errors import (
    DeadlineExceeded,
    InferenceFailed,
    InvalidText,
    ModelLoadFailed,
    ModelNotFound,
    RunnerDied,
)
from tests.contract.app_client import client_of
from tests.contract.endpoints import error_example
from tests.fakes_api import FakeUseCases
from tests.fakes_models import BERT, DEBERTA, ROBERTA

OVER_LONG = "a" * 100_001
INVALID, NO_MODEL, NO_ROUTE = "INVALID_PARAMETERS", "MODEL_NOT_FOUND", "NOT_FOUND"
JSON = {"content-type": "application/json"}


def raw(body: bytes | str, kind: str = "application/json") -> dict[str, Any]:
    return {"content": body, "headers": {"content-type": kind}}


ALIASES = f"/models/{DEBERTA}/aliases"
BAD_REQUESTS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("POST", "/predict", {}, 400, INVALID),
    ("POST", "/predict?text=", {}, 400, INVALID),
    ("POST", "/predict?text=%20%09%0A", {}, 400, INVALID),
    ("POST", "/predict?text=a%00b", {}, 400, INVALID),
    ("POST", "/predict?text=a%1Bb", {}, 400, INVALID),
    ("POST", "/predict?text=a%7Fb", {}, 400, INVALID),
    ("POST", "/predict?text=%ED%A0%80", {}, 400, INVALID),
    ("POST", "/predict?text=%FF", {}, 400, INVALID),
    ("POST", "/predict?text=a&text=b", {}, 400, INVALID),
    ("POST", "/predict?text=a&model=b", {}, 400, INVALID),
    ("POST", "/predict?text=a&model_name=", {}, 400, INVALID),
    ("POST", "/predict?" + "&".join(f"a{n}=" for n in range(50)), {}, 400, INVALID),
    ("POST", "/predict?text=a", {"json": {"text": "b"}}, 400, INVALID),
    ("POST", "/predict?text=a&model_name=x", {"json": {"model_name": "y"}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": OVER_LONG}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": "a" * 1_048_577}}, 413, "PAYLOAD_TOO_LARGE"),
    ("POST", "/predict", {"json": {"text": 5}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": None}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": ["a"]}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": "a", "model_name": 1}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": "a", "modelname": "b"}}, 400, INVALID),
    ("POST", "/predict", {"json": ["a"]}, 400, INVALID),
    ("POST", "/predict", {"json": None, "headers": JSON, "content": b"null"}, 400, INVALID),
    ("POST", "/predict", raw('{"text": "a"'), 400, INVALID),
    ("POST", "/predict", raw('{"text": "\\ud800"}'), 400, INVALID),
    ("POST", "/predict", raw('{"text": "a\\u0000b"}'), 400, INVALID),
    ("POST", "/predict", raw(b'{"text": "\xff"}'), 400, INVALID),
    ("POST", "/predict", raw("[" * 100_000), 400, INVALID),
    ("POST", "/predict", raw("text=a", "application/x-www-form-urlencoded"), 400, INVALID),
    ("POST", "/predict", raw("a", "text/plain"), 400, INVALID),
    (
        "POST",
        "/predict",
        {"content": b"\x1f\x8b", "headers": {**JSON, "content-encoding": "gzip"}},
        400,
        INVALID,
    ),
    ("POST", "/predict?text=a&model_name=unknown", {}, 404, NO_MODEL),
    ("POST", "/predict?text=a&model_name=../../etc/passwd", {}, 404, NO_MODEL),
    ("POST", f"/predict?text=a&model_name={BERT}", {}, 503, "MODEL_NOT_REGISTERED"),
    ("POST", "/predict?text=a&keep_alive=", {}, 400, INVALID),
    ("POST", "/predict?text=a&keep_alive=5%20parsecs", {}, 400, INVALID),
    ("POST", "/predict?text=a&keep_alive=NaN", {}, 400, INVALID),
    ("POST", "/predict?text=a&keep_alive=" + "9" * 5_000, {}, 400, INVALID),
    ("POST", "/predict?text=a&keep_alive=5m", {"json": {"keep_alive": "6m"}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": "a", "keep_alive": True}}, 400, INVALID),
    ("POST", "/predict", {"json": {"text": "a", "keep_alive": ["5m"]}}, 400, INVALID),
    ("POST", "/predict", raw('{"text": "a", "keep_alive": NaN}'), 400, INVALID),
    ("POST", "/predict", raw('{"text": "a", "keep_alive": Infinity}'), 400, INVALID),
    ("POST", "/predict", raw('{"text": "a", "keep_alive": 1e999}'), 400, INVALID),
    ("POST", "/predict", raw('{"text": "a", "keep_alive": 1%s}' % ("0" * 400)), 400, INVALID),
    ("POST", "/predict/batch", {"json": {"texts": ["a"], "keep_alive": "x"}}, 400, INVALID),
    ("POST", f"/models/{ROBERTA}/load?keep_alive=soon", {}, 400, INVALID),
    ("POST", f"/models/{ROBERTA}/load?dry_run=perhaps", {}, 400, INVALID),
    ("POST", f"/models/{ROBERTA}/load?dryrun=true", {}, 400, INVALID),
    ("POST", f"/models/{BERT}/load?dry_run=true", {}, 503, "MODEL_NOT_REGISTERED"),
    ("POST", "/cleanup?dryrun=true", {}, 400, INVALID),
    ("POST", "/models/unknown/pin", {}, 404, NO_MODEL),
    ("POST", "/models/unknown/unpin", {}, 404, NO_MODEL),
    ("POST", f"/models/{ROBERTA}/pin?pinned=false", {}, 400, INVALID),
    ("GET", f"/models/{ROBERTA}/pin", {}, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/events?limit=0", {}, 400, INVALID),
    ("GET", "/events?limit=1001", {}, 400, INVALID),
    ("GET", "/events?after=-1", {}, 400, INVALID),
    ("GET", "/events?after=%D9%A5", {}, 400, INVALID),
    ("GET", "/events?after=" + "9" * 5_000, {}, 400, INVALID),
    ("GET", "/events?stream=perhaps", {}, 400, INVALID),
    ("GET", "/events?since=1", {}, 400, INVALID),
    ("GET", "/events?stream=true", {"headers": {"last-event-id": "x"}}, 400, INVALID),
    ("POST", "/events", {}, 405, "METHOD_NOT_ALLOWED"),
    ("POST", "/predict/batch", {}, 400, INVALID),
    ("POST", "/predict/batch", {"json": {"texts": []}}, 400, INVALID),
    ("POST", "/predict/batch", {"json": {"texts": "a"}}, 400, INVALID),
    ("POST", "/predict/batch", {"json": {"texts": ["a", 5]}}, 400, INVALID),
    ("POST", "/predict/batch", {"json": {"texts": ["a", " "]}}, 400, INVALID),
    ("POST", "/predict/batch", {"json": {"texts": ["a"] * 1_001}}, 400, INVALID),
    ("POST", "/predict/batch?model_name=a", {"json": {"texts": ["a"]}}, 400, INVALID),
    ("GET", "/models/unknown", {}, 404, NO_MODEL),
    ("GET", "/models/" + "a" * 300, {}, 404, NO_MODEL),
    ("GET", "/models/%2e%2e", {}, 404, NO_MODEL),
    ("GET", "/models/a%00b", {}, 404, NO_MODEL),
    ("GET", "/models/%F0%9F%99%82", {}, 404, NO_MODEL),
    ("GET", "/models/..%2F..%2Fetc%2Fpasswd", {}, 404, NO_ROUTE),
    ("POST", "/models/unknown/load", {}, 404, NO_MODEL),
    ("POST", "/models/unknown/unload", {}, 404, NO_MODEL),
    ("POST", "/models/unknown/warmup", {}, 404, NO_MODEL),
    ("POST", f"/models/{BERT}/load", {}, 503, "MODEL_NOT_REGISTERED"),
    ("POST", f"/models/{ROBERTA}/warmup?background=perhaps", {}, 400, INVALID),
    ("GET", "/nothing/here", {}, 404, NO_ROUTE),
    ("GET", "/models/", {}, 404, NO_ROUTE),
    ("GET", "/models//load", {}, 404, NO_ROUTE),
    ("GET", "/stats/", {}, 404, NO_ROUTE),
    ("GET", "/predict", {}, 405, "METHOD_NOT_ALLOWED"),
    ("DELETE", f"/models/{DEBERTA}", {}, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/models/unknown/versions", {}, 404, NO_MODEL),
    ("GET", f"/models/{DEBERTA}:v9/versions", {}, 404, NO_MODEL),
    ("GET", f"/models/{DEBERTA}/versions?limit=1", {}, 400, INVALID),
    ("POST", f"/models/{DEBERTA}/versions", {}, 405, "METHOD_NOT_ALLOWED"),
    ("PUT", f"{ALIASES}/champion", {}, 400, INVALID),
    ("PUT", f"{ALIASES}/champion", {"json": {}}, 400, INVALID),
    ("PUT", f"{ALIASES}/champion", {"json": {"version": 1}}, 400, INVALID),
    ("PUT", f"{ALIASES}/champion", {"json": {"version": "v1", "x": 1}}, 400, INVALID),
    ("PUT", f"{ALIASES}/champion?x=1", {"json": {"version": "v1"}}, 400, INVALID),
    ("PUT", f"{ALIASES}/latest", {"json": {"version": "v1"}}, 400, INVALID),
    ("PUT", f"{ALIASES}/Champion", {"json": {"version": "v1"}}, 400, INVALID),
    ("PUT", f"{ALIASES}/" + "a" * 400, {"json": {"version": "v1"}}, 400, INVALID),
    ("PUT", f"{ALIASES}/champion", {"json": {"version": "v9"}}, 404, NO_MODEL),
    ("PUT", "/models/unknown/aliases/champion", {"json": {"version": "v1"}}, 404, NO_MODEL),
    ("DELETE", f"{ALIASES}/latest", {}, 400, INVALID),
    ("DELETE", "/models/unknown/aliases/champion", {}, 404, NO_MODEL),
    ("GET", f"{ALIASES}/champion", {}, 405, "METHOD_NOT_ALLOWED"),
    ("BREW", "/stats", {}, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/cleanup", {}, 405, "METHOD_NOT_ALLOWED"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with client_of() as client:
        yield client


def assert_documented_error(body: dict[str, Any]) -> None:
    ErrorOut.model_validate(body)
    assert body.keys() == error_example().keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timestamp"])


@pytest.mark.parametrize(
    ("method", "path", "arguments", "status", "code"),
    BAD_REQUESTS,
    ids=[f"{n} {method} {path[:40]}" for n, (method, path, *_) in enumerate(BAD_REQUESTS)],
)
def test_a_bad_request_is_refused_in_the_documented_shape(
    client: TestClient, method: str, path: str, arguments: dict[str, Any], status: int, code: str
) -> None:
    """Seen failing with the check of control characters, and of the body's length, left out."""
    response = client.request(method, path, **arguments)

    assert_documented_error(response.json())
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert len(response.json()["error"]) < 400
    assert ("retry-after" in response.headers) == (status == 503)


def test_there_are_enough_bad_requests() -> None:
    assert len(BAD_REQUESTS) >= 20


def test_a_wrong_method_is_told_which_are_right(client: TestClient) -> None:
    assert client.put("/models").headers["allow"] == "GET, HEAD, OPTIONS"


def test_methods_of_several_routes_of_one_path_are_all_told(client: TestClient) -> None:
    """Seen failing with those of the first route alone, as the framework has it."""
    assert client.get(f"{ALIASES}/champion").headers["allow"] == "DELETE, OPTIONS, PUT"


def test_a_chunked_body_is_counted_while_it_is_read() -> None:
    """It declares no length. Seen failing with the declared length alone checked."""
    pulled = 0

    def chunks() -> Iterator[bytes]:
        nonlocal pulled
        for _ in range(100):
            pulled += 1
            yield b"a" * 1_000

    with client_of(max_body_bytes=5_000) as client:
        response = client.post("/predict", content=chunks(), headers=JSON)

    assert response.status_code == 413
    assert_documented_error(response.json())


@pytest.mark.parametrize(
    ("length", "status", "code"), [(101, 400, INVALID), (1_001, 413, "PAYLOAD_TOO_LARGE")]
)
def test_a_long_query_is_refused(length: int, status: int, code: str) -> None:
    """With smaller limits, because this client cannot send longer addresses."""
    with client_of(max_text_chars=100, max_body_bytes=1_000) as client:
        response = client.post("/predict", params={"text": "a" * length})

    assert_documented_error(response.json())
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_bad_text_of_a_batch_is_named_by_its_index(client: TestClient) -> None:
    error = client.post("/predict/batch", json={"texts": ["a", "b", "c\x00"]}).json()["error"]

    assert error.startswith("texts[2] contains the character U+0000 at position 1")


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry_after"),
    [
        (InvalidText("no words in it"), 400, INVALID, None),
        (ModelNotFound("gone"), 404, NO_MODEL, None),
        (ModelLoadFailed("damaged"), 500, "MODEL_LOAD_FAILED", None),
        (RunnerDied("twice"), 500, "INTERNAL_ERROR", None),
        (InferenceFailed("no number"), 500, "INTERNAL_ERROR", None),
        (CacheClosed("closing"), 503, "MODEL_UNAVAILABLE", "5"),
        (InsufficientRoom("full", retry_after=2.1), 503, "INSUFFICIENT_MEMORY", "3"),
        (TooManyWaiting("many", retry_after=0.0), 503, "OVERLOADED", "1"),
        (Quarantined("failed thrice", retry_after=3.5), 503, "MODEL_UNAVAILABLE", "4"),
        (DeadlineExceeded("late"), 503, "DEADLINE_EXCEEDED", "1"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failure_of_the_use_cases_has_its_code_and_message(
    failure: Exception, status: int, code: str, retry_after: str | None
) -> None:
    with client_of(FakeUseCases(failure=failure)) as client:
        response = client.post("/predict", params={"text": "a"})

    assert_documented_error(response.json())
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["error"] == str(failure)
    assert response.headers.get("retry-after") == retry_after


def test_an_unexpected_failure_is_logged_and_tells_the_caller_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Seen failing with Starlette's own handler: plain text, and nothing in our log."""
    with client_of(FakeUseCases(failure=KeyError("secret"))) as client:
        response = client.get("/stats")

    assert_documented_error(response.json())
    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in response.text
    assert "KeyError: 'secret'" in caplog.text

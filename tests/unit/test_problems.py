"""The table from exceptions to error responses."""

import json
import logging

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.codes import CODES as COUNTED
from api.problems import (
    INTERNAL,
    TABLE,
    ApiError,
    Forbidden,
    RateLimited,
    Unauthorized,
    kind_of,
    problem_of,
    render,
)
from cache.errors import CacheError, InsufficientRoom, LedgerError, TryLater
from models.errors import ModelError, ModelNotFound, RegistrationFailed

CODES = {
    "INVALID_PARAMETERS": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "MODEL_NOT_FOUND": 404,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "PAYLOAD_TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "MODEL_LOAD_FAILED": 500,
    "INTERNAL_ERROR": 500,
    "MODEL_NOT_REGISTERED": 503,
    "MODEL_UNAVAILABLE": 503,
    "INSUFFICIENT_MEMORY": 503,
    "OVERLOADED": 503,
    "DEADLINE_EXCEEDED": 503,
}


class LaterKindOfNotFound(ModelNotFound):
    """An error that a later version adds."""


def request() -> Request:
    return Request({"type": "http", "method": "GET", "path": "/x", "headers": []})


def test_the_table_holds_exactly_the_codes_of_the_design() -> None:
    """Seen failing with INSUFFICIENT_MEMORY at 507."""
    assert {kind.code: kind.status for kind in TABLE.values()} == CODES
    assert set(COUNTED) == set(CODES)


def test_every_429_and_503_has_a_retry_after() -> None:
    """Seen failing with the figure of MODEL_NOT_REGISTERED left out."""
    assert {
        kind.code for kind in TABLE.values() if kind.status in (429, 503) and not kind.retry_after
    } == set()
    assert {
        kind.code
        for kind in TABLE.values()
        if kind.status not in (429, 503) and kind.retry_after is not None
    } == set()


def test_an_unlisted_class_is_found_by_its_nearest_ancestor() -> None:
    """Seen failing with the lookup by exact class."""
    assert kind_of(LaterKindOfNotFound("x")).code == "MODEL_NOT_FOUND"


@pytest.mark.parametrize(
    "error",
    [ApiError(), ModelError(), CacheError(), RegistrationFailed(), LedgerError(), OSError()],
)
def test_what_callers_cannot_help_is_an_internal_error_that_is_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        problem = problem_of(error, request())

    assert problem.kind is INTERNAL
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize(("given", "header"), [(0.0, "1"), (1.0, "1"), (4.2, "5"), (90.0, "90")])
def test_the_errors_own_retry_after_is_rounded_up_to_seconds(given: float, header: str) -> None:
    problem = problem_of(InsufficientRoom("full", retry_after=given), request())

    assert problem.headers == {"Retry-After": header}


def test_whatever_is_to_be_tried_later_is_a_503_with_its_own_time() -> None:
    """Also a kind that the table does not list. Seen failing without TryLater: 500, no time."""
    problem = problem_of(TryLater("not now", retry_after=7.5), request())

    assert (problem.kind.status, problem.headers) == (503, {"Retry-After": "8"})


def test_errors_of_later_guards_are_known_already() -> None:
    assert problem_of(Unauthorized("no key"), request()).kind.status == 401
    assert problem_of(Forbidden("read only"), request()).kind.status == 403
    limited = problem_of(RateLimited("slow down", retry_after=7), request())
    assert (limited.kind.status, limited.headers) == (429, {"Retry-After": "7"})


def test_an_odd_answer_of_the_router_is_not_passed_on() -> None:
    assert problem_of(HTTPException(418, "short and stout"), request()).kind is INTERNAL


def test_the_body_has_the_documented_fields_in_their_order() -> None:
    response = render(problem_of(ModelNotFound("Model x not found"), request()))
    body = json.loads(bytes(response.body))

    assert list(body) == ["status", "error", "code", "timestamp"]
    assert body["status"] == "error"
    assert body["error"] == "Model x not found"
    assert response.status_code == 404

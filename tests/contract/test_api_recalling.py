"""What clients see of the prediction cache, and how they do without it."""

from typing import Any

import pytest

from tests.contract.app_client import client_of
from tests.fakes_api import FakeUseCases


def test_an_answer_says_whether_it_had_been_given_before() -> None:
    """Seen failing with `cache_hit` in its place."""
    with client_of() as client:
        answers = [client.post("/predict?text=a").json() for _ in range(2)]

    assert [answer["prediction_cached"] for answer in answers] == [False, True]
    assert [answer["cache_hit"] for answer in answers] == [False, True]
    assert [answer["windows"] for answer in answers] == [1, 1]


@pytest.mark.parametrize(
    ("path", "arguments", "cached"),
    [
        ("/predict?text=a&cache=false", {}, False),
        ("/predict?text=a&cache=0", {}, False),
        ("/predict?text=a&cache=true", {}, True),
        ("/predict", {"json": {"text": "a", "cache": False}}, False),
        ("/predict", {"json": {"text": "a", "cache": True}}, True),
        ("/predict", {"json": {"text": "a", "cache": None}}, True),
        ("/predict?cache=false", {"json": {"text": "a"}}, False),
        ("/predict?cache=false", {"json": {"text": "a", "cache": False}}, False),
        ("/predict/batch", {"json": {"texts": ["a"], "cache": False}}, False),
        ("/predict/batch", {"json": {"texts": ["a"]}}, True),
    ],
)
def test_a_request_may_do_without_the_cache(
    path: str, arguments: dict[str, Any], cached: bool
) -> None:
    """Seen failing with the field of the body not handed on."""
    with client_of() as client:
        client.post("/predict?text=a")
        answer = client.post(path, **arguments).json()

    assert answer.get("results", [answer])[0]["prediction_cached"] is cached


@pytest.mark.parametrize(
    ("path", "arguments", "words"),
    [
        ("/predict?text=a&cache=maybe", {}, "cache is 'maybe': give true or false"),
        ("/predict?text=a&cache=", {}, "cache is '': give true or false"),
        ("/predict?text=a&cache=0&cache=1", {}, "cache is given twice"),
        ("/predict", {"json": {"text": "a", "cache": "false"}}, "cache cannot be used"),
        ("/predict", {"json": {"text": "a", "cache": 0}}, "cache cannot be used"),
        (
            "/predict?cache=true",
            {"json": {"text": "a", "cache": False}},
            "cache differs between the query and the body",
        ),
        ("/predict/batch", {"json": {"texts": ["a"], "cache": 1}}, "cache cannot be used"),
        ("/predict/batch?cache=false", {"json": {"texts": ["a"]}}, "Unknown query parameter"),
    ],
)
def test_what_is_no_yes_or_no_is_refused(path: str, arguments: dict[str, Any], words: str) -> None:
    fake = FakeUseCases()
    with client_of(fake) as client:
        response = client.post(path, **arguments)

    assert (response.status_code, response.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert response.json()["error"].startswith(words)
    assert fake.predictions_begun == 0


def test_stats_show_the_cache_in_the_units_of_the_contract() -> None:
    """Seen failing with the rate over what was looked up alone."""
    with client_of() as client:
        shown = client.get("/stats").json()["cache_stats"]["prediction_cache"]

    assert shown == {
        "used_mb": 1.5,
        "total_mb": 32.0,
        "entries": 2000,
        "hits": 30,
        "misses": 60,
        "hit_rate": 0.3,
        "bypassed": 10,
        "joined": 5,
        "evictions": 4,
        "models_off": 1,
        "shared": None,
    }

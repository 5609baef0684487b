"""Asking a service over HTTP: a small real server, which says what it is told to say."""

import itertools
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.process.server import free_port
from tests.unit.evaluating_service import Said, Service, listening, refused, said
from training.evaluating.answers import Answers
from training.evaluating.errors import EvaluationError
from training.evaluating.line import Line, Patience, read_token, read_url
from training.evaluating.over_http import answers, batches

TEXTS = [f"red {number}" for number in range(40)]
QUICK = Patience(connect=5, answer=5, waiting=3)


def ask(service: Service, name: str = "mine", texts: Sequence[str] = TEXTS, **more: Any) -> Answers:
    with listening(service) as url:
        return answers(
            read_url(url),
            name,
            texts,
            lambda _: None,
            lambda *_: None,
            **{"patience": QUICK, **more},
        )


def failure(service: Service, name: str = "mine", **more: Any) -> str:
    with pytest.raises(EvaluationError) as told:
        ask(service, name, **more)
    return str(told.value)


def slow_at_first() -> Callable[[], object]:
    """Holds up the second request, the first batch, until another has come."""
    numbers, other = itertools.count(1), threading.Event()

    def hold() -> None:
        if next(numbers) == 2:
            other.wait(5)
        else:
            other.set()

    return hold


def test_each_text_has_its_own_answer() -> None:
    """Planted fault: results in the order in which the batches came back."""
    found = ask(Service(hold=slow_at_first()))

    assert found.probabilities[:, 1].tolist() == [number / 100 for number in range(len(TEXTS))]
    assert (found.model.name, found.model.labels) == ("mine:v1", ("red", "green"))
    assert found.truncated == 1
    assert len(found.latencies) == len(TEXTS)


@pytest.mark.parametrize(("token", "sent"), [(None, None), ("mine", "Bearer mine")])
def test_a_token_goes_with_every_request(token: str | None, sent: str | None) -> None:
    """Planted fault: with predictions alone."""
    service = Service()
    ask(service, token=token)

    assert service.tokens == {sent}


def test_a_token_is_the_first_of_several_and_one_that_cannot_be_sent_is_not_repeated() -> None:
    assert read_token(" first,second") == "first"
    for text in ("", " ", ",second", "two words", "a\nb", "é"):
        with pytest.raises(ValueError, match="a token is of one character or more") as told:
            read_token(text)
        assert "words" not in str(told.value)


def test_no_answer_comes_from_the_prediction_cache_and_all_from_one_version() -> None:
    service = Service()
    ask(service)

    predictions = [body for path, body in service.asked if path.startswith("/predict")]
    assert {body["cache"] for body in predictions} == {False}
    assert {body["model_name"] for body in predictions} == {"mine:v1"}


def test_no_more_batches_are_asked_at_once_than_is_said() -> None:
    """Planted fault: as many threads as batches, each with its line."""
    never = threading.Event()
    service = Service(hold=lambda: never.wait(0.01))

    ask(service, concurrency=2)

    assert service.busiest == 2


def test_a_busy_service_is_asked_again_when_it_says() -> None:
    """Planted fault: a 503 taken for the end."""
    busy = refused("OVERLOADED", Retry_After="0")
    service = Service(instead={"/predict/batch": [busy, busy], "/predict": [busy]})

    found = ask(service)

    assert len(found.probabilities) == len(TEXTS)
    assert service.paths().count("/predict/batch") == 3 + 2


def test_a_service_that_stays_busy_is_given_up_with_its_reason() -> None:
    """Four seconds are longer than the three that there is patience for: none is waited."""
    service = Service(instead={"/models/mine": [refused("OVERLOADED", Retry_After="4")]})

    told = failure(service)

    assert "because of OVERLOADED (503 OVERLOADED)" in told
    assert "gave up" in told


def test_a_retry_after_that_cannot_be_read_is_one_second() -> None:
    busy = (503, {"Retry-After": "soon"}, b"")
    short = Patience(waiting=0.9)

    assert "answered 503, and no JSON object" in failure(
        Service(instead={"/models/mine": [busy]}), patience=short
    )


def test_what_no_waiting_helps_is_not_waited_for() -> None:
    service = Service(instead={"/predict/batch": [refused("MODEL_NOT_REGISTERED")] * 3})

    assert "because of MODEL_NOT_REGISTERED" in failure(service)


def test_an_unknown_model_is_told_in_the_words_of_the_service() -> None:
    service = Service(instead={"/models/none": [refused("MODEL_NOT_FOUND", 404)]})

    told = failure(service, "none")

    assert told == "the service says: because of MODEL_NOT_FOUND (404 MODEL_NOT_FOUND)"


def test_a_model_that_is_not_registered_is_told_before_any_text_is_sent() -> None:
    service = Service(version=None)

    assert "register it with: scripts/register mine" in failure(service)
    assert service.paths() == ["/models/mine"]


def test_a_version_is_asked_for_by_its_name() -> None:
    service = Service()
    ask(service, "mine:v1")

    assert service.paths()[0] == "/models/mine%3Av1"


def test_a_text_that_the_service_refuses_is_told_with_its_place() -> None:
    bad = refused("INVALID_PARAMETERS", 400)

    told = failure(Service(instead={"/predict/batch": [bad] * 3}))

    assert told.startswith(("texts 1 to 16: ", "texts 17 to 32: ", "texts 33 to 40: "))
    assert "because of INVALID_PARAMETERS" in told


@pytest.mark.parametrize(
    "garbage",
    [
        (200, {}, b"<html>welcome</html>"),
        (200, {}, b"[1, 2"),
        (200, {}, b"[]"),
        (200, {}, b"[" * 100_000),
        (502, {}, b"bad gateway"),
        said({}),
        said({"error": 5}, 500),
        said({"results": []}),
        said({"results": [1] * 16}),
        said({"results": [{"text": "red 0"}] * 16}),
        said({"results": [{"text": "x", "probabilities": {"red": 0.5, "green": 0.5}}] * 16}),
        said({"results": [{"text": "red 0", "probabilities": {"red": 1}}] * 16}),
        said({"results": [{"text": "red 0", "probabilities": {"red": "1", "green": 0}}] * 16}),
        said({"results": [{"text": "red 0", "probabilities": {"red": 1, "green": None}}] * 16}),
        said({"results": [{"text": "red 0", "probabilities": {"red": 7, "green": 0}}] * 16}),
    ],
)
@pytest.mark.parametrize("path", ["/models/mine", "/predict/batch"])
def test_garbage_is_one_clear_line(garbage: Said, path: str) -> None:
    """Fails when anything but an EvaluationError comes of it."""
    told = failure(Service(instead={path: [garbage] * 8}))

    assert "\n" not in told
    assert "service" in told


def test_a_server_that_speaks_no_http_is_told() -> None:
    service = Service(instead={"/models/mine": [(99, {}, b"")]})

    assert "does not speak HTTP as the service does" in failure(service)


def test_nobody_there_is_told_with_what_to_do() -> None:
    url = read_url(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(EvaluationError, match=r"nobody answers at .* start the service"):
        Line(url, QUICK).ask("GET", "/models/mine")


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    """A kept one, between two requests. Planted fault: no second try."""
    service = Service(instead={"/models/mine": [said({}, X_Gone="unsaid")]})
    with listening(service) as url:
        line = Line(read_url(url), QUICK)
        line.ask("GET", "/models/mine")
        assert line.ask("GET", "/models/mine").body["model_info"]
        line.close()


def test_after_a_failure_nothing_more_is_asked() -> None:
    """Planted fault: lines not cut, batches not called off."""
    never = threading.Event()
    failed = {"/predict/batch": [refused("INTERNAL_ERROR", 500)]}
    service = Service(instead=failed, hold=lambda: never.wait(0.01))

    failure(service, texts=[f"red {number % 100}" for number in range(1600)], concurrency=1)

    assert service.paths().count("/predict/batch") < 50


@given(st.lists(st.text(min_size=1), max_size=60), st.integers(0, 3))
def test_batches_have_all_texts_once_and_in_order(texts: list[str], long: int) -> None:
    texts = [*texts, *["x" * 150_000] * long]

    found = list(batches(texts))

    assert [text for batch in found for text in batch.texts] == texts
    assert [batch.first for batch in found] == [
        sum(len(batch.texts) for batch in found[:number]) for number in range(len(found))
    ]
    assert all(0 < len(batch.texts) <= 16 for batch in found)
    assert all(len(batch.texts) == 1 or len(json.dumps(batch.texts)) < 250_000 for batch in found)


@pytest.mark.parametrize(
    "text",
    ["localhost:8003", "ftp://h", "http://", "http://h/?x=1", "http://me:pw@h", "http://h:x"],
)
def test_what_is_no_address_of_a_service_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_url(text)

"""The example's client against our app: what it sends, what it tries again, and what it raises."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from cache.errors import InsufficientRoom, TooManyWaiting
from examples.model_api.model_cache import ModelCache, ModelCacheError
from models.errors import DeadlineExceeded, InferenceFailed, ModelLoadFailed
from tests.contract.integrating import ADMIN, PREDICT, TOKENS, Failing, Wire, client_of, wired
from tests.fakes_api import FakeUseCases
from tests.fakes_models import BERT, DEBERTA, LABELS, PROBABILITIES


async def failure_of(cache: ModelCache, text: str = "hello", **call: Any) -> ModelCacheError:
    with pytest.raises(ModelCacheError) as raised:
        await cache.predict(DEBERTA, text, **call)
    return raised.value


async def test_a_prediction_is_read_as_documented() -> None:
    async with wired() as wire, client_of(wire) as cache:
        said = await cache.predict(DEBERTA, "hello")

    assert said.prediction == "prompt_injection"
    assert said.probabilities == dict(zip(LABELS, PROBABILITIES, strict=True))
    assert (said.confidence, said.model_used, said.truncated) == (0.95, DEBERTA, False)


async def test_a_batch_is_answered_in_order() -> None:
    async with wired() as wire, client_of(wire) as cache:
        said = await cache.predict_batch(DEBERTA, ["one", "two", "three"])

    assert [each.model_used for each in said] == [DEBERTA] * 3
    assert wire.paths() == ["/predict/batch"]


async def test_what_an_operator_asks_is_answered_too() -> None:
    async with wired(**TOKENS) as wire, client_of(wire, token=ADMIN) as cache:
        loaded, warmed = await cache.load(DEBERTA), await cache.warm_up(DEBERTA)
        listed, health = await cache.models(), await cache.health()

    assert (loaded["cache_status"], warmed["warmup_status"]) == ("loaded", "completed")
    assert listed["models"][DEBERTA]["cached"] is True
    assert health["status"] == "healthy"


async def test_a_request_names_its_model_its_id_and_the_token() -> None:
    """The proxy hashes on the name. Planted fault: the id left out."""
    async with wired(**TOKENS) as wire, client_of(wire, token=PREDICT) as cache:
        wire.cuts = [httpx.ConnectError("refused")]
        await cache.predict(DEBERTA, "hello", request_id="abc-1")

    names = ("x-model-name", "x-request-id", "authorization")
    assert [[each.headers[name] for name in names] for each in wire.requests] == [
        [DEBERTA, "abc-1", f"Bearer {PREDICT}"]
    ] * 2


async def test_a_name_that_fits_no_header_is_sent_quoted_and_not_found() -> None:
    async with wired() as wire, client_of(wire) as cache:
        with pytest.raises(ModelCacheError) as raised:
            await cache.load("größe/../a")

    assert raised.value.status == 404
    assert wire.requests[0].headers["x-model-name"] == "gr%C3%B6%C3%9Fe%2F..%2Fa"


async def test_a_busy_service_is_asked_again_after_the_time_it_asks_for() -> None:
    """Planted fault: Retry-After not read."""
    fake = Failing(failures=[TooManyWaiting("256 wait already", retry_after=1)])
    async with wired(fake) as wire, client_of(wire) as cache:
        began = time.monotonic()
        said = await cache.predict(DEBERTA, "hello")

    assert said.prediction == "prompt_injection"
    assert len(wire.requests) == 2
    assert 1.0 <= time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    "cut",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("nobody there"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
    ],
    ids=lambda cut: type(cut).__name__,
)
async def test_a_lost_connection_is_tried_twice_more(cut: Exception) -> None:
    async with wired() as wire, client_of(wire) as cache:
        wire.cuts = [cut] * 2
        said = await cache.predict(DEBERTA, "hello")
        wire.cuts = [cut] * 3
        failure = await failure_of(cache)

    assert said.model_used == DEBERTA
    assert (failure.code, failure.status) == ("CONNECTION_FAILED", None)
    assert len(wire.requests) == 6


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InsufficientRoom("no room", retry_after=30), 503, "INSUFFICIENT_MEMORY"),
        (DeadlineExceeded("no answer within 60 s"), 503, "DEADLINE_EXCEEDED"),
        (InferenceFailed("cannot be read"), 500, "INTERNAL_ERROR"),
        (ModelLoadFailed("is damaged"), 500, "MODEL_LOAD_FAILED"),
    ],
    ids=["asks for a long wait", "took its whole patience", "text fails", "model fails"],
)
async def test_what_would_not_go_better_is_not_tried_again(
    error: Exception, status: int, code: str
) -> None:
    """Planted faults: every 503 tried again; a long Retry-After waited for."""
    async with wired(FakeUseCases(failure=error)) as wire, client_of(wire) as cache:
        failure = await failure_of(cache)

    assert (failure.status, failure.code, len(wire.requests)) == (status, code, 1)


@pytest.mark.parametrize(
    ("model", "text", "token", "status", "code"),
    [
        ("unknown", "hello", PREDICT, 404, "MODEL_NOT_FOUND"),
        (BERT, "hello", PREDICT, 503, "MODEL_NOT_REGISTERED"),
        (DEBERTA, " ", PREDICT, 400, "INVALID_PARAMETERS"),
        (DEBERTA, "a" * 200, PREDICT, 400, "INVALID_PARAMETERS"),
        (DEBERTA, "a" * 3000, PREDICT, 413, "PAYLOAD_TOO_LARGE"),
        (DEBERTA, "hello", None, 401, "UNAUTHORIZED"),
        (DEBERTA, "hello", "wrong-" + "w" * 16, 401, "UNAUTHORIZED"),
    ],
)
async def test_a_mistake_is_raised_at_once_with_the_documented_code(
    model: str, text: str, token: str | None, status: int, code: str
) -> None:
    limits: dict[str, Any] = {"max_text_chars": 100, "max_body_bytes": 2000}
    async with wired(**TOKENS, **limits) as wire, client_of(wire, token=token) as cache:
        with pytest.raises(ModelCacheError) as raised:
            await cache.predict(model, text)

    assert (raised.value.status, raised.value.code) == (status, code)
    assert str(raised.value)
    assert len(wire.requests) == 1


async def test_the_predict_token_opens_no_route_of_the_operator() -> None:
    async with wired(**TOKENS) as wire, client_of(wire, token=PREDICT) as cache:
        with pytest.raises(ModelCacheError) as raised:
            await cache.warm_up(DEBERTA)

    assert (raised.value.status, raised.value.code, len(wire.requests)) == (403, "FORBIDDEN", 1)


async def test_a_deadline_ends_the_call_and_what_the_service_does_for_it() -> None:
    """Its retries included."""
    fake = FakeUseCases(gate=asyncio.Event())
    async with wired(fake) as wire, client_of(wire) as cache:
        began = time.monotonic()
        failure = await failure_of(cache, deadline=0.3)

    assert failure.code == "NO_ANSWER"
    assert "POST /predict was not answered within 0.3 s" in str(failure)
    assert time.monotonic() - began < 2.0
    assert fake.predictions_begun == 1


async def test_no_wait_is_begun_that_the_deadline_would_cut() -> None:
    """The reason is told, and at once."""
    fake = FakeUseCases(failure=TooManyWaiting("256 wait already", retry_after=1))
    async with wired(fake) as wire, client_of(wire) as cache:
        began = time.monotonic()
        failure = await failure_of(cache, deadline=0.9)

    assert (failure.code, failure.retry_after) == ("OVERLOADED", 1)
    assert time.monotonic() - began < 0.5


async def test_readiness_is_asked_once() -> None:
    fake = FakeUseCases(prepared=False)
    async with wired(fake) as wire, client_of(wire) as cache:
        before = await cache.ready()
        fake.prepared = True
        after = await cache.ready()

    assert (before, after, wire.paths()) == (False, True, ["/readyz"] * 2)


@pytest.mark.parametrize(("status", "tries"), [(429, 3), (502, 3), (503, 3), (504, 1), (200, 1)])
async def test_a_proxy_s_page_is_an_error_with_its_status(status: int, tries: int) -> None:
    """Without JSON and without Retry-After. Planted fault: such a 200 taken for an answer."""
    wire = Wire(Response("<html>No server is available", status_code=status))
    async with client_of(wire) as cache:
        failure = await failure_of(cache)

    assert (failure.status, failure.code) == (status, f"HTTP_{status}")
    assert len(wire.requests) == tries

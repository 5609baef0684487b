"""The example service in front of our app: what it answers when that does, and when it does not."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from cache.errors import CacheClosed, TooManyWaiting
from examples.model_api.deciding import Unchecked
from models.errors import DeadlineExceeded, InferenceFailed, ModelNotFound
from tests.contract.integrating import PREDICT, TOKENS, Failing, Wire, example, wired
from tests.fakes_api import FakeUseCases
from tests.fakes_models import BERT, DEBERTA, ROBERTA

REFUSED = httpx.ConnectError("refused")
OVERLOADED = TooManyWaiting("256 wait already", retry_after=7)
TEXT = "the text itself"


@dataclass(slots=True)
class Preparing(FakeUseCases):
    """Not ready when it is asked for the first time."""

    asked: int = 0

    @property
    def ready(self) -> bool:
        self.asked += 1
        return self.asked > 1


async def check(client: httpx.AsyncClient, text: str = TEXT, **headers: str) -> httpx.Response:
    return await client.post("/check", json={"text": text}, headers=headers)


async def checked(wire: Wire, error: Exception, **settings: Any) -> httpx.Response:
    """Ask a service that was in order at the start, and now fails with `error`."""
    fake = wire.fake
    async with example(wire, **settings) as client:
        fake.failure = error
        return await check(client)


async def test_the_worst_of_the_models_decides() -> None:
    async with wired() as wire, example(wire, models=(DEBERTA, ROBERTA)) as client:
        answer = await check(client)

    risks = {DEBERTA: 1.0, ROBERTA: 1.0}
    assert answer.status_code == 200
    assert answer.json() == {"decision": "block", "risks": risks, "checked": True}
    assert wire.paths() == ["/predict"] * 2


async def test_it_starts_once_the_model_cache_is_ready_and_its_models_are_warm() -> None:
    """Planted fault: an answer of the prediction cache taken for a warm-up."""
    fake = Preparing(answered={("What is the capital of France?", DEBERTA)})
    async with wired(fake) as wire:
        cold = fake.models[DEBERTA].resident
        async with example(wire, forget=False):
            begun = wire.paths()

    assert begun == ["/readyz", "/readyz", "/predict"]
    assert b'"cache":false' in wire.requests[-1].content
    assert (cold, fake.models[DEBERTA].resident) == (False, True)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"models": ("unknown",)}, "MODEL_NOT_FOUND"),
        ({"models": (BERT,)}, "MODEL_NOT_REGISTERED"),
        ({"cache_token": None}, "UNAUTHORIZED"),
        ({"safe_label": "harmless"}, "NO_SAFE_LABEL"),
    ],
    ids=["unknown model", "no weights", "no token", "no such label"],
)
async def test_what_its_operator_has_to_mend_ends_the_start(
    changed: dict[str, Any], code: str
) -> None:
    """At the first answer."""
    async with wired(**TOKENS) as wire:
        with pytest.raises(Unchecked) as raised:
            async with example(wire, **{"cache_token": PREDICT, **changed}):
                pass

    assert raised.value.cause.code == code
    assert wire.paths() == ["/readyz", "/predict"]


async def test_it_starts_without_a_model_cache_and_blocks_until_there_is_one() -> None:
    async with wired() as wire:
        wire.cuts = [REFUSED] * 1000
        async with example(wire, start_timeout=0.3) as client:
            away, blocked = await client.get("/ready"), await check(client)
            wire.cuts.clear()
            there, decided = await client.get("/ready"), await check(client)

    assert (away.status_code, blocked.status_code) == (503, 503)
    assert (there.status_code, decided.status_code) == (200, 200)


async def test_while_the_model_cache_is_away_texts_are_blocked() -> None:
    """The status says so to one who reads no body, the body to one who reads no status."""
    async with wired() as wire, example(wire) as client:
        wire.cuts = [REFUSED] * 3
        answer = await check(client)

    body = answer.json()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (body["status"], body["code"], body["decision"]) == (
        "error",
        "CONNECTION_FAILED",
        "block",
    )
    assert set(body) == {"status", "error", "code", "decision", "timestamp"}


@pytest.mark.parametrize("error", [OVERLOADED, CacheClosed("the service is stopping")])
async def test_set_to_fail_open_it_lets_texts_through_unchecked_and_says_so(
    error: Exception,
) -> None:
    async with wired() as wire:
        answer = await checked(wire, error, fail="open")

    assert answer.status_code == 200
    assert answer.json() == {"decision": "allow", "risks": {}, "checked": False}


async def test_set_to_fail_open_it_is_ready_whatever_the_model_cache_is() -> None:
    fake = FakeUseCases()
    async with wired(fake) as wire, example(wire, fail="open") as client:
        fake.prepared = False
        answer = await client.get("/ready")

    assert (answer.status_code, answer.json()) == (200, {"model_cache": "not ready"})


@pytest.mark.parametrize(
    "error",
    [InferenceFailed("it died twice"), DeadlineExceeded("no answer within 60 s")],
    ids=["the text breaks the model", "the text takes too long"],
)
async def test_what_a_text_may_have_caused_itself_is_blocked_even_then(error: Exception) -> None:
    """Planted fault: every error taken for an outage."""
    async with wired() as wire:
        answer = await checked(wire, error, fail="open")

    assert (answer.status_code, answer.json()["decision"]) == (503, "block")
    assert len(wire.requests) == 1


async def test_an_answer_that_takes_too_long_is_not_waited_for() -> None:
    fake = FakeUseCases()
    async with wired(fake) as wire, example(wire, deadline=0.2, fail="open") as client:
        fake.gate = asyncio.Event()
        answer = await check(client)

    assert (answer.status_code, answer.json()["code"]) == (503, "NO_ANSWER")
    assert answer.json()["decision"] == "block"


async def test_a_service_that_is_busy_for_a_moment_is_not_noticed() -> None:
    fake = Failing()
    async with wired(fake) as wire, example(wire) as client:
        fake.failures = [TooManyWaiting("256 wait already", retry_after=1)]
        answer = await check(client)

    assert answer.status_code == 200
    assert len(wire.requests) == 2


async def test_how_long_to_wait_is_told_on() -> None:
    async with wired() as wire:
        answer = await checked(wire, OVERLOADED)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


async def test_what_is_wrong_with_a_text_is_told_on() -> None:
    async with wired(max_text_chars=40) as wire, example(wire) as client:
        answer = await check(client, "a" * 50)

    body = answer.json()
    assert (answer.status_code, body["code"], body["decision"]) == (
        400,
        "INVALID_PARAMETERS",
        "block",
    )
    assert "50 characters, at most 40" in body["error"]
    assert len(wire.requests) == 1


async def test_a_model_that_is_gone_is_its_operator_s_fault_and_told_to_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nor let through where it fails open, nor tried again."""
    async with wired() as wire:
        answer = await checked(wire, ModelNotFound(f"Model {DEBERTA} not found"), fail="open")

    assert (answer.status_code, answer.json()["code"]) == (500, "MISCONFIGURED")
    assert answer.json()["decision"] == "block"
    assert DEBERTA not in answer.text
    assert len(wire.requests) == 1
    assert [DEBERTA in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("failing", [False, True])
async def test_a_caller_s_request_id_goes_with_what_is_asked_and_answered(
    failing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """And with the log, where the text is not."""
    caplog.set_level(logging.INFO)
    fake = FakeUseCases()
    async with wired(fake) as wire, example(wire) as client:
        fake.failure = OVERLOADED if failing else None
        answer = await check(client, **{"x-request-id": "order-17:a"})

    [request] = wire.requests
    told = [each for each in caplog.messages if each.startswith("order-17:a: ")]
    assert request.headers["x-request-id"] == answer.headers["x-request-id"] == "order-17:a"
    assert len(told) == failing
    assert TEXT not in caplog.text


@pytest.mark.parametrize("sent", ["", "a b", "a" * 65, "{id}"])
async def test_an_id_that_the_model_cache_would_not_take_is_replaced(sent: str) -> None:
    async with wired() as wire, example(wire) as client:
        answer = await check(client, **{"x-request-id": sent})

    found = answer.headers["x-request-id"]
    assert wire.requests[0].headers["x-request-id"] == found
    assert len(found) == 32


async def test_the_predict_token_is_all_that_it_needs() -> None:
    async with wired(**TOKENS) as wire, example(wire, cache_token=PREDICT) as client:
        answer = await check(client)

    assert answer.status_code == 200

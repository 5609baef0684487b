"""The example's decisions, from what models say and from what kept them from saying it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from examples.model_api.deciding import (
    Answers,
    Decision,
    Fault,
    Unchecked,
    decide,
    fault_of,
    risk_of,
)
from examples.model_api.model_cache import ModelCacheError, Prediction
from examples.model_api.settings import Settings

CLOSED, OPEN = Settings(), Settings(fail="open")
AWAY = ModelCacheError("refused", code="CONNECTION_FAILED", again=True)
BROKEN = ModelCacheError("died twice", code="INTERNAL_ERROR", status=500)
GONE = ModelCacheError("not found", code="MODEL_NOT_FOUND", status=404)


def said(risk: float, *, truncated: bool = False) -> Prediction:
    shares = {"jailbreak": risk, "benign": 1 - risk}
    return Prediction("either", max(shares.values()), shares, "a", truncated)


@pytest.mark.parametrize(
    ("risks", "decision"),
    [
        ([0.0], "allow"),
        ([0.499], "allow"),
        ([0.5], "review"),
        ([0.1, 0.6], "review"),
        ([0.8], "block"),
        ([0.9, 0.1, 0.1], "block"),
    ],
)
def test_the_highest_risk_decides(risks: list[float], decision: str) -> None:
    answers = {str(number): said(risk) for number, risk in enumerate(risks)}

    assert decide(answers, CLOSED).decision == decision


@given(st.lists(st.sampled_from([0.1, 0.6, 0.9, AWAY, BROKEN, GONE]), min_size=1))
def test_nothing_is_allowed_that_one_of_the_models_did_not_read(told: list[Any]) -> None:
    """Where it fails closed. Planted fault: errors left out of what is weighed."""
    answers: Answers = {
        str(number): said(each) if isinstance(each, float) else each
        for number, each in enumerate(told)
    }
    try:
        decision = decide(answers, CLOSED).decision
    except Unchecked:
        decision = Decision.BLOCK

    assert decision is not Decision.ALLOW or all(each == 0.1 for each in told)


@pytest.mark.parametrize("error", [AWAY, BROKEN, GONE])
def test_one_model_that_says_block_is_enough(error: ModelCacheError) -> None:
    verdict = decide({"a": said(0.9), "b": error}, CLOSED)

    assert (verdict.decision, verdict.checked) == ("block", True)


def test_open_a_model_that_is_away_is_left_out() -> None:
    verdict = decide({"a": said(0.6), "b": AWAY}, OPEN)

    assert (verdict.decision, verdict.checked, verdict.risks) == ("review", False, {"a": 0.6})


@pytest.mark.parametrize("error", [BROKEN, GONE])
def test_open_is_not_for_what_is_no_outage(error: ModelCacheError) -> None:
    """One that is away beside it does not make it one. Planted fault: the first error taken."""
    with pytest.raises(Unchecked) as raised:
        decide({"a": AWAY, "b": error}, OPEN)

    assert raised.value.cause is error


def test_a_text_that_was_not_read_to_its_end_is_looked_at_by_somebody() -> None:
    assert decide({"a": said(0.1, truncated=True)}, CLOSED).decision == "review"


def test_a_model_without_the_safe_label_is_its_operator_s_fault() -> None:
    with pytest.raises(Unchecked) as raised:
        risk_of(said(0.1), "harmless")

    assert raised.value.fault is Fault.OPERATOR
    assert "set MODEL_API_SAFE_LABEL" in str(raised.value)


@pytest.mark.parametrize(
    ("status", "code", "again", "fault"),
    [
        (400, "INVALID_PARAMETERS", False, Fault.TEXT),
        (413, "PAYLOAD_TOO_LARGE", False, Fault.TEXT),
        (401, "UNAUTHORIZED", False, Fault.OPERATOR),
        (403, "FORBIDDEN", False, Fault.OPERATOR),
        (404, "MODEL_NOT_FOUND", False, Fault.OPERATOR),
        (503, "MODEL_NOT_REGISTERED", False, Fault.OPERATOR),
        (503, "OVERLOADED", True, Fault.AWAY),
        (502, "HTTP_502", True, Fault.AWAY),
        (None, "CONNECTION_FAILED", False, Fault.AWAY),
        (None, "TOO_MANY_CALLS", False, Fault.AWAY),
        (503, "DEADLINE_EXCEEDED", False, Fault.UNKNOWN),
        (None, "NO_ANSWER", False, Fault.UNKNOWN),
        (500, "INTERNAL_ERROR", False, Fault.UNKNOWN),
        (504, "HTTP_504", False, Fault.UNKNOWN),
        (302, "HTTP_302", False, Fault.UNKNOWN),
    ],
)
def test_each_error_is_somebody_s(status: int | None, code: str, again: bool, fault: Fault) -> None:
    assert fault_of(ModelCacheError("", code=code, status=status, again=again)) is fault


def test_thresholds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValidationError, match="MODEL_API_REVIEW_AT must not be above"):
        Settings(review_at=0.9, block_at=0.8)

"""From what models say of a text to one decision; pure."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from pydantic import BaseModel

from examples.model_api.model_cache import ModelCacheError, Prediction
from examples.model_api.settings import Settings

NO_LABEL = "NO_SAFE_LABEL"
Answers = Mapping[str, Prediction | ModelCacheError]


class Decision(StrEnum):
    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"


class Verdict(BaseModel):
    """`risks` by model. `checked` is False where a model could not be asked and `fail` is open."""

    decision: Decision
    risks: dict[str, float]
    checked: bool = True


class Fault(IntEnum):
    """Whose an error is; of several, the highest counts."""

    AWAY = 1
    """The model cache's: it cannot be reached, or takes no more."""
    UNKNOWN = 2
    """Perhaps the text's: it broke the model, or took too long."""
    TEXT = 3
    OPERATOR = 4


class Unchecked(Exception):
    """There is no decision, because of `cause`."""

    def __init__(self, cause: ModelCacheError) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.fault = fault_of(cause)


def fault_of(error: ModelCacheError) -> Fault:
    if error.status in (400, 413):
        return Fault.TEXT
    if error.code in ("MODEL_NOT_REGISTERED", NO_LABEL) or error.status in (401, 403, 404, 405):
        return Fault.OPERATOR
    if error.again or error.code in ("CONNECTION_FAILED", "TOO_MANY_CALLS"):
        return Fault.AWAY
    return Fault.UNKNOWN


def risk_of(prediction: Prediction, safe_label: str) -> float:
    """How sure the model is that the text is anything but safe. Raises Unchecked."""
    if safe_label not in prediction.probabilities:
        message = f"{prediction.model_used} has no label {safe_label!r}: set MODEL_API_SAFE_LABEL"
        raise Unchecked(ModelCacheError(message, code=NO_LABEL))
    return round(1.0 - prediction.probabilities[safe_label], 4)


def decide(answers: Answers, settings: Settings) -> Verdict:
    """The worst of the models decides; one that says block needs no others.

    Raises Unchecked where one could not say, unless it is only away and `fail` is open. What a text
    may have caused itself is never let through.
    """
    said = {name: told for name, told in answers.items() if isinstance(told, Prediction)}
    errors = [told for told in answers.values() if isinstance(told, ModelCacheError)]
    risks = {name: risk_of(each, settings.safe_label) for name, each in said.items()}
    decision = _by_risk(max(risks.values(), default=0.0), settings)
    if decision is Decision.BLOCK:
        return Verdict(decision=decision, risks=risks)
    if errors:
        worst = Unchecked(max(errors, key=fault_of))
        if worst.fault is not Fault.AWAY or settings.fail == "closed":
            raise worst
    if decision is Decision.ALLOW and any(each.truncated for each in said.values()):
        decision = Decision.REVIEW
    return Verdict(decision=decision, risks=risks, checked=not errors)


def _by_risk(risk: float, settings: Settings) -> Decision:
    if risk >= settings.block_at:
        return Decision.BLOCK
    return Decision.REVIEW if risk >= settings.review_at else Decision.ALLOW

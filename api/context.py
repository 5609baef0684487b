"""What a request finds in its app."""

from dataclasses import dataclass
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request

from api.limits import Limits
from api.metrics import Metrics
from models.port import UseCases


@dataclass(frozen=True, slots=True)
class Context:
    """`heartbeat`: seconds after which a stream of events that has none says that it lives."""

    use_cases: UseCases
    metrics: Metrics
    limits: Limits
    heartbeat: float


def attach(app: Starlette, context: Context) -> None:
    app.state.context = context


def context_of(request: Request) -> Context:
    return cast("Context", request.app.state.context)

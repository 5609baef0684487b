"""What a request finds in its app."""

from dataclasses import dataclass
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request

from api.inputs import Limits
from api.metrics import Metrics
from models.port import UseCases


@dataclass(frozen=True, slots=True)
class Context:
    use_cases: UseCases
    metrics: Metrics
    limits: Limits


def attach(app: Starlette, context: Context) -> None:
    app.state.context = context


def context_of(request: Request) -> Context:
    return cast("Context", request.app.state.context)

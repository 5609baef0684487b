"""What a request finds in its app."""

from dataclasses import dataclass, field
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request

from api.limits import Limits
from api.metrics import Metrics
from api.presence import BRIEF
from models.alarms import Alarms
from models.port import UseCases


@dataclass(frozen=True, slots=True)
class Context:
    """`heartbeat`: seconds after which a stream of events that has none says that it lives.

    `unwatched` are for the time in which nobody looks whether a client is still there.
    """

    use_cases: UseCases
    metrics: Metrics
    limits: Limits
    heartbeat: float
    unwatched: Alarms = field(default_factory=lambda: Alarms(BRIEF))


def attach(app: Starlette, context: Context) -> None:
    app.state.context = context


def context_of(request: Request) -> Context:
    return cast("Context", request.app.state.context)

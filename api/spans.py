"""Spans of OpenTelemetry for what the use cases tell: prediction, inference, load, warm-up."""

import time
from collections.abc import Callable

from opentelemetry import trace
from opentelemetry.trace import Span, Tracer

from cache.events import LoadFailed, LoadFinished
from models.port import Happening, Predicted, ServingObserver, WarmedUp

SECOND = 1_000_000_000
MODEL = "model_cache.model"


class Spans:
    """Observes the use cases; each span is made when its work is over, and told its times.

    So nothing is measured anew, and nothing is asked of the hot path where tracing is off: this is
    no observer then. A span's parent is the request in whose context the event is told, BentoML's
    span of it; a load has the one that began it. `now` is in nanoseconds since 1970.
    """

    def __init__(self, tracer: Tracer, now: Callable[[], int] = time.time_ns) -> None:
        self._tracer = tracer
        self._now = now

    def __call__(self, event: Happening, /) -> None:
        match event:
            case Predicted():
                self._predicted(event)
            case LoadFinished():
                self._write("load", event.key, self._now(), event.seconds)
            case LoadFailed():
                self._failed(event)
            case WarmedUp():
                self._write("warm-up", event.model, self._now(), event.seconds)

    def _predicted(self, event: Predicted) -> None:
        """Waiting is what comes before the inference; a load in it has a span of its own."""
        end = self._now()
        whole = self._begin("predict", event.model, end, event.total_seconds)
        with trace.use_span(whole):
            computing = min(event.inference_seconds, event.total_seconds)
            waited = event.total_seconds - computing
            self._write("wait", event.model, end - round(computing * SECOND), waited)
            if computing > 0:
                self._write("inference", event.model, end, computing)
        whole.end(end)

    def _failed(self, event: LoadFailed) -> None:
        span = self._begin("load", event.key, self._now(), 0.0)
        span.set_status(trace.StatusCode.ERROR)
        span.end(self._now())

    def _write(self, name: str, model: str, end: int, seconds: float) -> None:
        self._begin(name, model, end, seconds).end(end)

    def _begin(self, name: str, model: str, end: int, seconds: float) -> Span:
        start = end - round(seconds * SECOND)
        return self._tracer.start_span(name, start_time=start, attributes={MODEL: model})


def traced(observe: ServingObserver, spans: ServingObserver) -> ServingObserver:
    """One observer that tells both."""

    def tell(event: Happening, /) -> None:
        observe(event)
        spans(event)

    return tell

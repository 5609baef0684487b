"""Spans of what the use cases tell, and that BentoML's own see no text."""

from collections.abc import Sequence

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from api.edge import Front
from api.metrics import Metrics
from api.spans import SECOND, Spans, traced
from cache.events import LoadFailed, LoadFinished
from models.port import Happening, Predicted, WarmedUp

MARK = "xqmarkqx"
KEY = "bert:v1"
END = 100 * SECOND


class Kept:
    """A provider that keeps its spans."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.spans = Spans(self.provider.get_tracer("test"), lambda: END)

    def all(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def tell(self, event: Happening) -> dict[str, ReadableSpan]:
        self.spans(event)
        return {span.name: span for span in self.all()}


def seconds(span: ReadableSpan) -> tuple[float, float]:
    """From when to when, before the moment of the event."""
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.start_time - END) / SECOND, (span.end_time - END) / SECOND


def test_a_prediction_is_waiting_and_then_inference() -> None:
    """Planted fault: the wait after the inference."""
    spans = Kept().tell(Predicted(KEY, 0.25, 1.0))

    assert {name: seconds(span) for name, span in spans.items()} == {
        "predict": (-1.0, 0.0),
        "wait": (-1.0, -0.25),
        "inference": (-0.25, 0.0),
    }
    parents = [spans[name].parent for name in ("wait", "inference")]
    assert parents == [spans["predict"].context] * 2


def test_a_recalled_answer_has_no_inference() -> None:
    assert set(Kept().tell(Predicted(KEY, 0.0, 0.001))) == {"predict", "wait"}


def test_loads_and_warm_ups_have_their_model_and_length() -> None:
    kept = Kept()
    kept.tell(LoadFinished(KEY, 5.0, 2.5, 1))
    spans = kept.tell(WarmedUp(KEY, 0.5))

    assert {name: seconds(span)[0] for name, span in spans.items()} == {
        "load": -2.5,
        "warm-up": -0.5,
    }
    assert {str(dict(span.attributes or {})) for span in spans.values()} == {
        str({"model_cache.model": KEY})
    }


def test_a_failed_load_is_an_error_without_its_words() -> None:
    [span] = Kept().tell(LoadFailed(KEY, 5.0, MARK)).values()

    assert span.status.status_code is StatusCode.ERROR
    assert MARK not in span.to_json()


def test_both_observers_are_told() -> None:
    kept, seen = Kept(), Metrics()

    traced(seen, kept.spans)(Predicted(KEY, 0.1, 0.2))

    assert len(kept.all()) == 3


def test_the_trace_of_a_request_has_our_spans_and_not_its_query() -> None:
    """Which may be a text. Planted fault: no Veil."""
    kept = Kept()

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        kept.spans(Predicted(KEY, 0.1, 0.2))
        asked = Request(scope).query_params["text"]
        await PlainTextResponse(asked)(scope, receive, send)

    outer = Starlette()
    outer.add_middleware(Front, front=front, keep={"OpenTelemetryMiddleware"})
    outer.add_middleware(OpenTelemetryMiddleware, tracer_provider=kept.provider)
    with TestClient(outer) as client:
        answer = client.post(f"/predict?text={MARK}")

    traces = {span.context.trace_id for span in kept.all() if span.context}
    assert answer.text == MARK
    assert len(traces) == 1
    assert [span.name for span in kept.all() if MARK in span.to_json()] == []

"""What a real `bentoml serve` does with the app, over fake use cases."""

import http.client
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from api.edge import Front
from api.hosting import front_options, service_options
from api.settings import Settings
from tests.process.server import ROOT, STOP_TIMEOUT, Server, free_port, served, started

FAKE = "tests.process.fake_service:FakeModelCache"
GRACE = 30.0
"""Seconds that the tests' server is given for its end."""
pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(FAKE, tmp_path_factory.mktemp("serve")) as server:
        yield server


@pytest.mark.parametrize("path", ["/nothing", "/docs.json", "/schema.json", "/static_content/x"])
def test_unknown_paths_have_the_documented_error_shape(server: Server, path: str) -> None:
    """BentoML's own paths too. Seen failing without Front."""
    response = server.get(path)

    assert response.status_code == 404
    assert response.json()["code"] == "NOT_FOUND"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/", "/metrics", "/docs"])
def test_our_answers_stand_in_front_of_bentomls(server: Server, path: str) -> None:
    response = server.get(path)

    assert response.status_code == 200
    assert response.content.strip()


def test_a_crash_is_a_clean_500_and_the_log_has_its_traceback(server: Server) -> None:
    """But not the error's message, which might quote the text."""
    response = server.post("/predict", text="crash")

    assert (response.status_code, response.json()["code"]) == (500, "INTERNAL_ERROR")
    assert "secret" not in response.text
    assert 'raise ZeroDivisionError("secret detail")\nZeroDivisionError\n' in server.log


def test_a_chunked_body_over_the_limit_is_refused_while_it_is_sent(server: Server) -> None:
    """Seen failing (200) with only the declared length checked."""
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    body = (b"a" * 65_536 for _ in range(64))
    connection.request(
        "POST",
        "/predict",
        body=body,
        headers={"Content-Type": "application/json"},
        encode_chunked=True,
    )
    response = connection.getresponse()
    text = response.read()
    connection.close()

    assert response.status == 413
    assert b"PAYLOAD_TOO_LARGE" in text


def test_long_texts_fit_into_a_json_body(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json={"text": "é" * 100_000}, timeout=30)

    assert response.status_code == 200


def test_it_answers_before_it_is_ready(tmp_path: Path) -> None:
    """Seen failing with preloading awaited before the first answer."""
    with served(FAKE, tmp_path, wait_for="/", FAKE_PREPARING="yes") as server:
        ready = server.get("/readyz")
        prediction = server.post("/predict", text="anything")

    assert ready.status_code == 503
    assert ready.headers["retry-after"] == "1"
    assert prediction.status_code == 200


def test_sigterm_ends_readiness_first_and_requests_under_way_are_answered(tmp_path: Path) -> None:
    """Seen failing (connection refused) with the signal left to the server alone."""
    with (
        served(FAKE, tmp_path, MODEL_CACHE_SHUTDOWN_DELAY="1.5") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(server.post, "/predict", text="slow")
        server.wait_until(lambda: "slow begun" in server.log)
        server.process.terminate()
        server.wait_until(lambda: server.get("/readyz").status_code == 503, timeout=1)
        still_answered = server.get("/").status_code
        prediction = slow.result(timeout=30)
        status = server.process.wait(STOP_TIMEOUT)

    assert still_answered == 200
    assert prediction.status_code == 200
    assert status == 0
    assert "closed in an orderly way" in server.log


def test_a_connection_kept_open_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """Nor does one whose request never comes whole. Planted fault: the server told late."""
    with served(FAKE, tmp_path, MODEL_CACHE_SHUTDOWN_DELAY="0") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with (
            httpx.Client() as client,
            socket.create_connection((host, int(port))) as half,
        ):
            client.get(f"{server.url}/livez")
            half.sendall(b"GET / HT")
            server.process.terminate()
            status = server.process.wait(GRACE / 2)

    assert status == 0
    assert "closed in an orderly way" in server.log


def test_a_service_that_cannot_start_ends_and_says_why(tmp_path: Path) -> None:
    """Seen failing: without `stop_supervisor` it starts a worker every 10 s for ever."""
    with started(FAKE, tmp_path, free_port(), ROOT, {"FAKE_FAILURE": "start"}) as server:
        server.process.wait(STOP_TIMEOUT)

    assert "The service cannot start" in server.log
    assert "planted: the fork server does not start" in server.log


def test_settings_that_cannot_be_used_end_the_start_with_their_names(tmp_path: Path) -> None:
    bad = {"MODEL_CACHE_MAX_MODELS": "0", "MODEL_CACHE_MEMORY_LIMT_MB": "600"}
    with started(FAKE, tmp_path, free_port(), ROOT, bad) as server:
        status = server.process.wait(STOP_TIMEOUT)

    assert status != 0
    assert "MODEL_CACHE_MAX_MODELS: Input should be greater than or equal to 1" in server.log
    assert "did you mean MODEL_CACHE_MEMORY_LIMIT_MB?" in server.log
    assert "Traceback" not in server.log


def test_front_is_the_outermost_piece_of_bentomls_application() -> None:
    """Else its timeout keeps a timer a request. Seen failing without the swap at startup."""
    outer = Starlette()
    outer.add_middleware(Front, front=Starlette())
    with TestClient(outer):
        assert isinstance(outer.middleware_stack, Front)


def test_no_request_leaves_a_line_in_the_log(server: Server) -> None:
    """Of no library either. Planted faults: `bentoml_access_log` on; one of ours at info level."""
    server.post("/predict", text="hello")
    before = server.log
    for path in ("/", "/metrics", "/nothing", "/predict/batch"):
        server.get(path)
    server.post("/predict", text="hello")
    server.post("/predict", text="")

    assert server.log == before


def test_http_is_parsed_by_httptools(server: Server) -> None:
    """Half as many requests again a second. Planted fault: a httptools that cannot be imported."""
    [worker] = psutil.Process(server.pid).children()

    assert any("httptools" in loaded.path for loaded in worker.memory_maps())


def test_bentomls_own_metrics_are_not_there_by_default(server: Server) -> None:
    assert server.get("/metrics/bentoml").status_code == 404
    assert "bentoml_service" not in server.get("/metrics").text


def test_metrics_access_log_and_tracing_of_bentoml_can_be_switched_on(tmp_path: Path) -> None:
    """Planted faults: none of BentoML's middlewares kept; its /metrics in front of ours."""
    with served(
        FAKE,
        tmp_path,
        MODEL_CACHE_BENTOML_METRICS="true",
        MODEL_CACHE_BENTOML_ACCESS_LOG="true",
        MODEL_CACHE_BENTOML_TRACING="true",
    ) as server:
        server.post("/predict", text="hello")
        theirs, ours = server.get("/metrics/bentoml"), server.get("/metrics")
        unknown = server.post("/metrics/bentoml")

    requests = r'request_total\{.*endpoint="/predict".*http_response_code="200".*\} 1\.0'
    assert re.search(requests, theirs.text)
    assert "model_cache_" in ours.text
    assert "request_total" not in ours.text
    assert unknown.json()["code"] == "NOT_FOUND"
    assert re.search(r"path=/predict,.*status=200.*\(trace=[0-9a-f]+,.*sampled=1", server.log)


@pytest.mark.parametrize(
    ("setting", "piece"),
    [
        ("bentoml_metrics", "RunnerTrafficMetricsMiddleware"),
        ("bentoml_access_log", "AccessLogMiddleware"),
        ("bentoml_tracing", "OpenTelemetryMiddleware"),
    ],
)
def test_each_of_bentomls_middlewares_has_a_switch_of_its_own(setting: str, piece: str) -> None:
    """Planted fault: the names of tracing and the access log exchanged."""
    settings = Settings.model_validate({setting: True})
    options, front = service_options(settings), front_options(settings)
    on = {
        "bentoml_metrics": options["metrics"]["enabled"] and front["bento_metrics"],
        "bentoml_access_log": options["logging"]["access"]["enabled"],
        "bentoml_tracing": "excluded_urls" not in options["tracing"],
    }

    assert [name for name, switched in on.items() if switched] == [setting]
    assert front["keep"] == {piece}


def test_the_work_of_a_client_who_left_is_called_off(server: Server) -> None:
    """Seen failing without `while_present`: the server goes on until its own deadline."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"POST /predict?text=slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        server.wait_until(lambda: "slow begun" in server.log)

    server.wait_until(lambda: "slow called off" in server.log)

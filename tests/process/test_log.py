"""The whole service's log, as JSON and as text: what is in it, and that no text of a request is."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import tiny
from tests.process.desk import colours
from tests.process.registered import register_as
from tests.process.server import Server, served

MARK = "xqmarkqx"
NAME = "one"
BODIES: tuple[dict[str, Any], ...] = (
    {"json": {"text": MARK}},
    {"json": {"text": f"red {MARK}", "model_name": NAME, "cache": False}},
    {"json": {"texts": [MARK, f"{MARK} unanswerable", ""]}},
    {"json": {"text": f"unanswerable {MARK}"}},
    {"json": {"text": f"forever {MARK}"}},
    {"json": {"text": [MARK], "extra": MARK}},
    {"content": f'{{"text": "\\ud83d {MARK}"}}', "headers": {"content-type": "application/json"}},
    {"json": {MARK: MARK}},
    {"content": f'{{"text": "{MARK}', "headers": {"content-type": "application/json"}},
    {"content": MARK, "headers": {"content-type": MARK}},
    {"content": MARK.encode("utf-16"), "headers": {"content-type": "application/json"}},
    {"json": {"text": MARK * 200_000}},
    {"params": {"text": MARK, "model_name": NAME}},
    {"params": {"text": MARK, "keep_alive": MARK, MARK: MARK}},
)
VERBS = ("load", "warmup", "pin", "unpin", "unload")
PAGES = ("/", "/health", "/models", "/predict", "/predict/batch", "/stats", "/cleanup", "/metrics")
ROUTES = (*PAGES, *(f"/models/{NAME}/{verb}" for verb in VERBS))
pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def in_json(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with used("json", tmp_path_factory.mktemp("json")) as server:
        yield server


@pytest.fixture(scope="module")
def in_text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with used("text", tmp_path_factory.mktemp("text")) as server:
        yield server


@contextmanager
def used(form: str, folder: Path) -> Iterator[Server]:
    """It was sent good texts and bad ones on every route, and its runner died and hung."""
    model = colours(folder / "model", tiny.write_looping_model)
    register_as(folder / "home", NAME, folder=model)
    with served(
        "service:ModelCache",
        folder,
        MODEL_CACHE_PRELOAD_MODELS="[]",
        MODEL_CACHE_RESTORE_WORKING_SET="false",
        MODEL_CACHE_DEFAULT_MODEL=NAME,
        MODEL_CACHE_LOG_FORMAT=form,
        MODEL_CACHE_LOG_LEVEL="debug",
        MODEL_CACHE_INFERENCE_TIMEOUT="1",
    ) as server:
        ask_all(server)
        yield server


def ask_all(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for body in BODIES:
            client.post("/predict", **body)
            client.post("/predict/batch", **body)
        for route in (*ROUTES, f"/{MARK}"):
            for method in ("GET", "POST", "PUT"):
                client.request(method, route, params={"text": MARK}, json={"text": MARK})
        client.post("/predict", json={"text": "red"}, headers={"X-Request-ID": "mine-1"})
    kill_during_a_prediction(server)


def kill_during_a_prediction(server: Server) -> None:
    """Twice: once it is tried again."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server.post, "/predict", text=f"forever {MARK} again")
        while not asked.done():
            with suppress(KeyError, ProcessLookupError, TypeError):
                os.kill(server.get(f"/models/{NAME}").json()["runner"]["pid"], signal.SIGKILL)
        assert asked.result().status_code >= 500


@pytest.mark.parametrize("form", ["in_json", "in_text"])
def test_no_line_has_a_text_of_a_request(form: str, request: pytest.FixtureRequest) -> None:
    """Planted fault: the text in a debug line of a prediction."""
    log = request.getfixturevalue(form).log

    assert [line for line in log.splitlines() if MARK in line] == []
    assert f"{NAME}:" in log


def test_in_json_every_line_is_an_object_with_the_documented_fields(in_json: Server) -> None:
    """Planted fault: BentoML's handlers left as they are."""
    lines = [json.loads(line) for line in in_json.log.splitlines()]

    assert {"timestamp", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    assert {"bentoml.serve", "models.figures"} <= {line["logger"] for line in lines}


def test_a_load_names_its_model_and_the_request_that_began_it(in_json: Server) -> None:
    lines = [json.loads(line) for line in in_json.log.splitlines()]
    loads = [line for line in lines if "is resident" in line["message"]]

    assert {line["model"].partition(":")[0] for line in loads} == {NAME}
    assert all("request_id" in line for line in loads)


def test_the_answer_has_the_client_s_id(in_json: Server) -> None:
    answer = httpx.get(f"{in_json.url}/nothing", headers={"X-Request-ID": "mine-2"}, timeout=30)

    assert answer.headers["x-request-id"] == "mine-2"
    assert in_json.get("/livez").headers["x-request-id"]


def test_errors_are_counted_by_the_code_that_clients_saw(in_json: Server) -> None:
    def counted() -> float:
        text = in_json.get("/metrics").text
        [line] = [line for line in text.splitlines() if 'errors_total{code="NOT_FOUND"}' in line]
        return float(line.rpartition(" ")[2])

    before = counted()
    in_json.get("/nothing")
    httpx.head(f"{in_json.url}/nothing", timeout=30)

    assert counted() == before + 2

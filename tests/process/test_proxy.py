"""A real HAProxy with deploy/haproxy/haproxy.cfg, before stand-ins: who is asked what, and when."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.replicas.proxy import Proxy, proxied
from tests.process.stand_ins import StandIn, stand_in, wait_until
from tests.tools import debian_tool

NAMES = ("minilm-l6-v2_trained", "roberta-base_pretrained", "a.b", "mini-1", "mini-2", "mini-4")
DEFAULT = "roberta-base_pretrained"
LONG = "word " * 20_000
pytestmark = pytest.mark.process


class Front:
    """The proxy as a client sees it, and the replicas behind it in the order of their names."""

    def __init__(self, proxy: Proxy, replicas: list[StandIn], client: httpx.Client) -> None:
        self.proxy = proxy
        self.replicas = replicas
        self.client = client

    def by(self, method: str, path: str, **more: Any) -> str:
        """Which replica answers."""
        answer = self.client.request(method, path, **more)
        answer.raise_for_status()
        return str(answer.headers["x-served-by"])

    def home(self, name: str) -> StandIn:
        """The replica of a model."""
        return self.replicas[int(self.by("GET", f"/models/{name}").removeprefix("replica-")) - 1]

    def came(self, ending: str) -> int:
        """How often something that ends like this came, to any replica."""
        return sum(each.endswith(ending) for one in self.replicas for each in one.came)


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    debian_tool("haproxy")
    with ExitStack() as stack:
        replicas = [stack.enter_context(stand_in()) for _ in range(3)]
        ports = [replica.port for replica in replicas]
        proxy = stack.enter_context(proxied(tmp_path, ports, MODEL_CACHE_DEFAULT_MODEL=DEFAULT))
        url = f"http://127.0.0.1:{proxy.port}"
        client = stack.enter_context(httpx.Client(base_url=url, timeout=30))
        yield Front(proxy, replicas, client)


def ways(name: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Each way to say which model is meant."""
    body = {"text": "a", "model_name": name}
    pieces = [b'{"model_name": "', name.encode(), b'", "text": "a"}']
    return {
        "query": ("POST", f"/predict?model_name={name}&text=a", {}),
        "query, after a text": ("POST", f"/predict?text=model_name%3Dx&model_name={name}", {}),
        "query, encoded": ("POST", f"/predict?text=a&model_name={encoded(name)}", {}),
        "body": ("POST", "/predict", {"json": body}),
        "body, chunked": ("POST", "/predict", {"content": iter(pieces)}),
        "body of a batch": ("POST", "/predict/batch", {"json": {**body, "texts": ["a"]}}),
        "header": (
            "POST",
            "/predict/batch",
            {"json": {"texts": [LONG], "model_name": name}, "headers": {"X-Model-Name": name}},
        ),
        "path": ("GET", f"/models/{name}", {}),
        "path, encoded": ("POST", f"/models/{encoded(name)}/load", {}),
        "path, alias": ("PUT", f"/models/{name}/aliases/champion", {"json": {"version": "v1"}}),
        "name:version": ("POST", f"/predict?text=a&model_name={name}:v1.2", {}),
        "name:version, encoded": ("POST", f"/models/{name}%3Av1/warmup", {}),
        "name:version, body": ("POST", "/predict", {"json": {**body, "model_name": f"{name}:v1"}}),
        "name@alias": ("POST", f"/models/{name}@champion/unload", {}),
        "name@alias, encoded": ("POST", f"/predict?text=a&model_name={name}%40champion", {}),
    }


def encoded(name: str) -> str:
    return "".join(f"%{ord(letter):02x}" for letter in name)


@pytest.mark.parametrize("way", ways("x"))
def test_however_a_model_is_named_its_replica_is_asked(front: Front, way: str) -> None:
    """Planted faults: no `url_dec`, no `field(1,:@)`, no rule for the body, none for the header."""
    homes = {name: front.by("GET", f"/models/{name}") for name in NAMES}
    found = {}
    for name in NAMES:
        method, path, more = ways(name)[way]
        found[name] = front.by(method, path, **more)

    assert set(homes.values()) == {"replica-1", "replica-2", "replica-3"}
    assert found == homes


@pytest.mark.parametrize("way", ["query", "body", "path"])
def test_a_header_that_disagrees_with_what_the_proxy_can_read_is_not_believed(
    front: Front, way: str
) -> None:
    """What the service reads counts. Planted fault: the header's rule first."""
    liar = {"X-Model-Name": "mini-1"}
    found = {}
    for name in NAMES:
        method, path, more = ways(name)[way]
        found[name] = front.by(method, path, **more, headers=liar)

    assert found == {name: front.by("GET", f"/models/{name}") for name in NAMES}


@pytest.mark.parametrize(
    "more", [{}, {"json": {"text": "a"}}, {"content": b"{"}, {"json": {"model_name": None}}]
)
def test_a_prediction_that_names_no_model_goes_with_the_default_one(
    front: Front, more: dict[str, Any]
) -> None:
    """Planted fault: no rule for it, so that they go where the client's others go."""
    told = f"POST /predict model={DEFAULT} by-model/"

    assert front.by("POST", "/predict", **more) == front.by("GET", f"/models/{DEFAULT}")
    wait_until(lambda: told in front.proxy.log.read_text(), front.proxy.log.read_text)


def test_a_client_sees_one_replica_where_no_model_is_named(front: Front) -> None:
    """Planted fault: `balance roundrobin`, under which /events would jump between replicas."""
    paths = ("/", "/health", "/models", "/stats", "/metrics", "/events", "/models/")
    asked = [front.by("GET", path) for path in paths] + [front.by("POST", "/cleanup")]

    assert len(set(asked)) == 1


def test_a_replica_that_drains_is_asked_no_more_before_it_stops(front: Front) -> None:
    """It has `shutdown_delay`, 1 s. Planted fault: /livez asked in place of /readyz."""
    home = front.home("mini-1")
    home.ready = False
    began = time.monotonic()
    wait_until(lambda: front.home("mini-1") is not home)
    seconds = time.monotonic() - began
    home.ready = True
    wait_until(lambda: front.home("mini-1") is home)

    assert seconds < 1.0


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/predict?text=a&model_name=mini-1"), ("GET", "/models/mini-1")]
)
def test_what_only_reads_or_predicts_is_asked_of_another_replica(
    front: Front, method: str, path: str
) -> None:
    """On a kept connection, and on a new one. Planted fault: no `empty-response`."""
    home = front.home("mini-1")
    home.mute = True
    first = front.client.request(method, path)
    other = httpx.request(method, str(first.url), timeout=30)

    assert (first.status_code, other.status_code) == (200, 200)
    assert first.json()["replica"] != home.port
    assert first.json() == other.json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/models/mini-1/load"),
        ("POST", "/models/mini-1/unload"),
        ("POST", "/models/mini-1/pin"),
        ("PUT", "/models/mini-1/aliases/champion"),
        ("POST", "/cleanup"),
    ],
)
def test_what_changes_something_is_sent_once(front: Front, method: str, path: str) -> None:
    """The first may have done it. Planted fault: no `disable-l7-retry`."""
    for replica in front.replicas:
        replica.mute = True
    answer = httpx.request(method, f"http://127.0.0.1:{front.proxy.port}{path}", timeout=30)

    assert (answer.status_code, answer.json()["code"]) == (502, "MODEL_UNAVAILABLE")
    assert front.came(path) == 1


def test_an_answer_of_503_is_the_client_s_to_repeat(front: Front) -> None:
    """Who has no room says when to come again. Planted fault: `retry-on 503`."""
    front.home("mini-1").status = 503
    answer = front.client.post("/predict?text=a&model_name=mini-1")

    assert answer.status_code == 503
    assert front.came("model_name=mini-1") == 1


def test_a_request_is_sent_to_each_replica_once_at_most(front: Front) -> None:
    """A text that kills them must not go round. Planted fault: `retries 9`."""
    for replica in front.replicas:
        replica.mute = True
    path = "/predict?text=a&model_name=mini-1"
    answer = httpx.post(f"http://127.0.0.1:{front.proxy.port}{path}", timeout=30)

    assert answer.status_code == 502
    assert front.came(path) <= 3


def test_an_error_of_the_proxy_has_the_documented_shape(front: Front) -> None:
    """Planted fault: no `http-error status 503`."""
    for replica in front.replicas:
        replica.ready = False
    wait_until(lambda: front.client.get("/stats").status_code == 503)
    answer = front.client.post("/predict?text=a")

    assert answer.headers["retry-after"] == "5"
    assert {**answer.json(), "timestamp": ""} == {
        "status": "error",
        "error": "No replica is ready",
        "code": "MODEL_UNAVAILABLE",
        "timestamp": "",
    }


def test_events_come_as_they_happen(front: Front) -> None:
    """Planted fault: `http-response wait-for-body`, which keeps them back."""
    with front.client.stream("GET", "/events?stream=true") as answer:
        first = next(answer.iter_lines())

    assert first == "data: {}"


def test_the_log_has_the_model_and_never_the_text(front: Front) -> None:
    """Planted fault: `option httplog`."""
    front.client.post("/predict?text=very-private&model_name=mini-1")
    front.client.post("/predict", json={"text": "very-private", "model_name": "mini-2"})
    wait_until(lambda: "model=mini-2" in front.proxy.log.read_text())
    log = front.proxy.log.read_text()

    assert "POST /predict model=mini-1 by-model/replica-" in log
    assert "very-private" not in log


def test_its_figures_can_be_scraped(front: Front) -> None:
    front.home("mini-1")
    figures = httpx.get(f"http://127.0.0.1:{front.proxy.stats_port}/metrics", timeout=30).text

    assert 'haproxy_server_http_responses_total{proxy="by-model",server="replica-1"' in figures

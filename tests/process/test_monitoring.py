"""A real Prometheus scrapes the real service, and is asked all that dashboard and rules ask."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.grafana.dashboard import dashboard
from tests.process.desk import colours
from tests.process.prometheus import Prometheus, scraping
from tests.process.registered import register_as
from tests.process.server import Server, served

MODELS = ("one", "two", "broken")
VARIABLES = {"$instance": ".*", "$model": ".*", "$__rate_interval": "5m"}
pytestmark = [pytest.mark.process, pytest.mark.slow]


def test_every_query_has_data_where_everything_has_happened(
    tmp_path: Path, show: Callable[[str], None]
) -> None:
    """Planted fault: a query for a cause of removal that there is not.

    What is rare is made to happen: an eviction, a runner's death, a failed load.
    """
    with service(tmp_path) as server, scraping(server.url.removeprefix("http://"), tmp_path) as p:
        use(server)
        p.wait_until(lambda: p.values("sum(model_cache_loads_total)") == [loads(server)], p.firing)
        use(server)
        asked = [*panel_queries(), *p.recorded()]
        p.wait_until(lambda: not silent(p, asked), lambda: silent(p, asked))
        p.wait_until(lambda: "ModelCacheRunnerDied" in p.firing(), p.firing)
        names = {name: choices(p, name) for name in ("instance", "model")}

    assert names["instance"]
    assert set(MODELS) <= names["model"]
    show(
        f"Prometheus was asked {len(panel_queries())} queries of the dashboard and"
        f" {len(asked) - len(panel_queries())} recording rules: each has data"
    )


@contextmanager
def service(folder: Path) -> Iterator[Server]:
    """With room for one model; the files of one of its models are damaged."""
    register_as(folder / "home", *MODELS, folder=colours(folder / "model"))
    damage(folder / "home", "broken")
    with served(
        "service:ModelCache",
        folder,
        MODEL_CACHE_PRELOAD_MODELS="[]",
        MODEL_CACHE_RESTORE_WORKING_SET="false",
        MODEL_CACHE_MAX_MODELS="1",
        MODEL_CACHE_CHURN_GUARD="0",
        MODEL_CACHE_QUARANTINE_BASE="300",
    ) as server:
        yield server


def damage(home: Path, name: str) -> None:
    [version] = [path for path in (home / "models" / name).iterdir() if path.is_dir()]
    for file in version.rglob("*.onnx"):
        file.write_bytes(b"no model")


def use(server: Server) -> None:
    """Fail, load, answer, recall, evict, warm up, let a runner die; "two" is there at the end."""
    assert server.post("/models/broken/load").status_code == 500
    for name in ("one", "two"):
        for text in ("red", "green", "red"):
            assert server.post("/predict", text=text, model_name=name).status_code == 200
    assert server.post("/models/two/warmup").status_code == 200
    os.kill(server.get("/models/two").json()["runner"]["pid"], signal.SIGKILL)
    server.wait_until(lambda: 'removals_total{cause="failed"} 0' not in server.get("/metrics").text)
    assert server.post("/predict", text="blue", model_name="two", cache="false").status_code == 200


def loads(server: Server) -> float:
    return float(server.get("/stats").json()["cache_stats"]["performance"]["loads"])


def panel_queries() -> list[str]:
    """With the variables as Grafana puts them in where all is chosen."""
    found = []
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            found.append(query)
    return found


def silent(prometheus: Prometheus, queries: list[str]) -> list[str]:
    """Those that have no number to show."""
    return [query for query in queries if not prometheus.values(query)]


def choices(prometheus: Prometheus, label: str) -> set[str]:
    """What the dashboard offers for its variable, as Grafana asks for it."""
    variables = {v["name"]: v["query"] for v in dashboard()["templating"]["list"]}
    match = variables[label]["query"].removeprefix("label_values(").rpartition(", ")[0]
    for name, value in VARIABLES.items():
        match = match.replace(name, value)
    return set(prometheus.get(f"label/{label}/values", **{"match[]": match}))

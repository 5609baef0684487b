"""deploy/compose.yaml: read strictly, and what it names is there. Nothing is started from it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from compose_spec import PyCompose

from api.hosting import PORT
from tests.manifests import DEPLOY, GRACE, Manifest, document, seconds, settings_from

COMPOSE: Manifest = document(DEPLOY / "compose.yaml")
SERVICES: dict[str, Manifest] = COMPOSE["services"]
SERVICE: Manifest = SERVICES["model-cache"]
PROVISIONING = DEPLOY / "grafana" / "provisioning"


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server that answers any path with this status; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def sources(service: Manifest) -> list[str]:
    return [mount.split(":")[0] for mount in service.get("volumes", ())]


def test_it_is_a_compose_file() -> None:
    """By a strict reader of the specification. Planted faults: `cap_drp`, `interval: soon`."""
    assert set(PyCompose.from_json(json.dumps(COMPOSE)).service_names()) == set(SERVICES)


def test_what_its_services_name_is_there() -> None:
    """Planted faults: a volume and a secret that nobody declares, a rules file renamed."""
    mounted = [source for each in SERVICES.values() for source in sources(each)]
    files = [DEPLOY / source for source in mounted if source.startswith("./")]

    assert {source for source in mounted if source[0] != "."} == set(COMPOSE["volumes"])
    assert {name for each in SERVICES.values() for name in each.get("secrets", ())} == set(
        COMPOSE["secrets"]
    )
    assert {name for each in SERVICES.values() for name in each.get("depends_on", ())} <= set(
        SERVICES
    )
    assert [str(path) for path in files if not path.exists()] == []


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_may_do_nothing_that_it_need_not(name: str) -> None:
    """The one that hands the volume over is root, and alone. Seen failing without `<<`."""
    service = SERVICES[name]
    more = {key: service[key] for key in ("cap_add", "privileged", "devices") if key in service}

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    if name == "store-owner":
        assert (more, service["network_mode"]) == ({"cap_add": ["CHOWN"]}, "none")
    else:
        assert (more, service.get("user") == "0:0") == ({}, False)


def test_the_service_runs_as_the_owner_of_its_store() -> None:
    """Seen failing with another group."""
    assert SERVICES["store-owner"]["entrypoint"] == ["chown", SERVICE["user"], "/store"]
    assert sources(SERVICES["store-owner"]) == sources(SERVICE) == ["store"]
    assert SERVICE["environment"]["BENTOML_HOME"] == "/store"
    assert SERVICE["tmpfs"][0].startswith("/tmp:")  # noqa: S108


def test_the_settings_are_real_and_fit_the_container(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Planted faults: MODEL_CACHE_PRELOAD, 3 cores, a stop after the usual 10 s."""
    settings = settings_from(monkeypatch, tmp_path, SERVICE["environment"])

    assert settings.cores == SERVICE["cpus"]
    assert SERVICE["memswap_limit"] == SERVICE["mem_limit"]
    assert SERVICE["command"] == ["serve", "--timeout-graceful-shutdown", str(GRACE)]
    assert seconds(SERVICE["stop_grace_period"]) > (
        GRACE + settings.shutdown_delay + settings.request_timeout
    )


def test_the_tokens_are_files_that_are_never_committed() -> None:
    """Seen failing with a token given as a variable."""
    given = {
        value for name, value in SERVICE["environment"].items() if name.endswith("_TOKEN_FILE")
    }

    assert given == {f"/run/secrets/{name}" for name in SERVICE["secrets"]}
    assert {each["file"] for each in COMPOSE["secrets"].values()} == {
        f"./tokens/{name}" for name in COMPOSE["secrets"]
    }


def test_what_it_publishes_is_for_this_machine_alone() -> None:
    """Seen failing with "9090:9090"."""
    published = [port for each in SERVICES.values() for port in each.get("ports", ())]

    assert f"127.0.0.1:{PORT}:{PORT}" in published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
    assert SERVICE["environment"]["BENTOML_PORT"] == str(PORT)


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_tells_ready_from_not_ready(status: int, healthy: bool) -> None:
    """Its own command, run. Seen failing with one that asks, and does not care."""
    kind, python, *rest = SERVICE["healthcheck"]["test"]
    with answering(status) as port:
        checked = subprocess.run(
            [sys.executable, *(each.replace(str(PORT), str(port)) for each in rest)],
            capture_output=True,
            check=False,
            timeout=30,
        )

    assert (kind, python) == ("CMD", "python")
    assert f"http://127.0.0.1:{PORT}/readyz" in rest[-1]
    assert (checked.returncode == 0) is healthy


def test_prometheus_and_grafana_look_where_the_others_are() -> None:
    """Planted faults: the data source at localhost, dashboards sought in another folder."""
    (scraped,) = document(DEPLOY / "prometheus" / "prometheus.yml")["scrape_configs"]
    (source,) = document(PROVISIONING / "datasources" / "prometheus.yaml")["datasources"]
    (provider,) = document(PROVISIONING / "dashboards" / "model-cache.yaml")["providers"]
    inside = [Path(mount.split(":")[1]) for mount in SERVICES["grafana"]["volumes"]]

    assert scraped["static_configs"] == [{"targets": [f"model-cache:{PORT}"]}]
    assert source["url"] == "http://prometheus:9090"
    assert Path(provider["options"]["path"]) in {path.parent for path in inside}

"""The image, run hardened with a mounted store: it answers as the document says, and stops well."""

import httpx
import pytest

from tests.container.conftest import REGISTERED, Note
from tests.container.engine import Container, inspect, served
from tests.contract.endpoints import Endpoint, endpoints
from tests.process.documented import EMBEDDED, TEXT, differences

ROUTES = endpoints()


def test_it_runs_as_it_was_told_to(server: Container, note: Note) -> None:
    """Seen failing with root as the image's user."""
    host = inspect(server.name)["HostConfig"]
    note("user", server.run("id"))

    assert server.run("id", "-u") == "1034"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert "CapEff:\t0000000000000000" in server.run("cat", "/proc/1/status")


@pytest.mark.parametrize("endpoint", ROUTES, ids=lambda endpoint: endpoint.key)
def test_it_answers_the_documented_route(server: Container, endpoint: Endpoint, note: Note) -> None:
    """Every field with its type. Seen failing with a field renamed in the image."""
    httpx.post(f"{server.url}/predict", params={"text": TEXT, "model_name": EMBEDDED}, timeout=60)
    httpx.post(f"{server.url}/cleanup", timeout=60)
    found = differences(server.url, endpoint)
    note(endpoint.key, "as documented" if not found else "; ".join(found))

    assert found == []


def test_it_serves_what_is_registered_in_the_mounted_store(server: Container) -> None:
    """Seen failing with BENTOML_HOME elsewhere."""
    asked = {"text": TEXT, "model_name": REGISTERED}
    answer = httpx.post(f"{server.url}/predict", params=asked, timeout=60).json()

    assert (answer["model_used"], answer["prediction"]) == (REGISTERED, "prompt_injection")


def test_it_ends_well_when_it_is_stopped(image: str, store: str, note: Note) -> None:
    """Seen failing with `STOPSIGNAL SIGKILL`."""
    options = (f"--volume={store}:/store", "--env=BENTOML_HOME=/store")
    with served(image, *options) as container:
        status = container.stop()
        log = container.log
    note("docker stop: exit status", status)

    assert status == 0
    assert "Traceback" not in log

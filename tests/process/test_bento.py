"""The Bento: built from a clean copy, it holds what it should and answers like the source."""

import os
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.contract.endpoints import Endpoint, endpoints
from tests.files import ROOT
from tests.process.bento import Bento, built, hashes, held, ours, places
from tests.process.documented import TEXT, differences
from tests.process.server import Server, served

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Bento:
    return built(tmp_path_factory.mktemp("bento"), "bentofile.yaml")


@pytest.fixture(scope="module")
def server(bento: Bento) -> Iterator[Server]:
    """The Bento, served from an empty folder, with the embedded model used once."""
    elsewhere = bento.folder / "elsewhere"
    elsewhere.mkdir()
    with served(bento.tag, bento.folder, cwd=elsewhere) as server:
        assert server.post("/predict", text=TEXT).status_code == httpx.codes.OK
        assert server.post("/cleanup").status_code == httpx.codes.OK
        yield server


def test_it_holds_our_packages_and_nothing_else(bento: Bento) -> None:
    """Seen failing with `models/catalogue.toml` not included, and with tests included."""
    assert held(bento) == ours("bentofile.yaml", "requirements/core.txt")


def test_it_packs_no_model(bento: Bento) -> None:
    """A packed model would hide every other model store. Seen failing with one packed."""
    assert "\nmodels: []\n" in bento.text("bento.yaml")
    assert not (bento.path / "models").exists()


def test_nothing_in_it_names_this_machine_or_where_packages_come_from(bento: Bento) -> None:
    """Seen failing with an `index_url` in bentofile.yaml."""
    assert places(bento) == []


def test_its_requirements_have_the_hashes_of_the_lock(bento: Bento) -> None:
    """Seen failing with `packages:` in place of the lock."""
    lock = (ROOT / "requirements" / "core.txt").read_text(encoding="utf-8")

    assert hashes(bento.text("env/python/requirements.txt")) == hashes(lock) != set()


def test_its_image_is_what_the_files_of_deploy_count_on(bento: Bento) -> None:
    """Proven on an engine by scripts/container_smoke. Seen failing with BentoML's Dockerfile."""
    lines = bento.text("env/docker/Dockerfile").splitlines()

    assert {"USER 1034:1034", "EXPOSE 8003", "ENV BENTOML_DO_NOT_TRACK=True"} <= set(lines)
    assert 'CMD ["serve", "--timeout-graceful-shutdown", "30"]' in lines
    assert [line.split()[0] for line in lines if "HEALTHCHECK" in line] == ["HEALTHCHECK"]


def test_it_runs_its_own_code(bento: Bento, server: Server) -> None:
    """Seen failing with the source tree served in its place."""
    [forkserver] = [
        process
        for process in psutil.Process(server.pid).children(recursive=True)
        if "models.forkserver_main" in process.cmdline()
        and "models.forkserver_main" not in getattr(process.parent(), "cmdline", list)()
    ]

    assert forkserver.environ()["PYTHONPATH"].split(os.pathsep)[0] == str(bento.path / "src")


@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda endpoint: endpoint.key)
def test_it_answers_the_documented_route(server: Server, endpoint: Endpoint) -> None:
    """Every field with its type, on a real model. Seen failing with a field renamed."""
    assert differences(server.url, endpoint) == []


def test_unknown_paths_have_the_documented_error_shape(server: Server) -> None:
    response = server.get("/nothing/here")

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")

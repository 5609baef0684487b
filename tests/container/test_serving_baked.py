"""overlays/baked: the image with a store in it, run with the settings of the Kubernetes files."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.container.conftest import REGISTERED, Note
from tests.container.engine import Container, docker, served
from tests.files import ROOT
from tests.process.documented import TEXT

KUBERNETES = ROOT / "deploy" / "kubernetes"
DOCKERFILE = KUBERNETES / "overlays" / "baked" / "Dockerfile"
SETTINGS = KUBERNETES / "base" / "settings.env"
TOKEN = "a-token-that-is-long-enough-for-the-test"  # noqa: S105


@pytest.fixture(scope="module")
def baked(image: str, store: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built from the store's folder, by the command that the Dockerfile names."""
    folder = tmp_path_factory.mktemp("store")
    mounted = ("--rm", "--network=none", f"--volume={store}:/store:ro", f"--volume={folder}:/out")
    copy = ("--user=0:0", "--entrypoint=cp", image, "-r", "/store/models", "/out/models")
    docker("run", *mounted, *copy)
    tag = f"{image}-baked"
    arguments = (f"--tag={tag}", f"--file={DOCKERFILE}", f"--build-arg=IMAGE={image}")
    docker("build", "--quiet", "--network=none", *arguments, str(folder))
    return tag


@pytest.fixture(scope="module")
def pod(baked: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """As a pod of the overlay runs: its settings, tokens as files, /tmp, all else read-only."""
    tokens: Path = tmp_path_factory.mktemp("tokens")
    for name in ("admin-token", "predict-token"):
        (tokens / name).write_text(f"{name}-{TOKEN}", encoding="utf-8")
    tokens.chmod(0o755)
    settings = ("--env-file", str(SETTINGS), "--env=BENTOML_HOME=/home/bentoml/store")
    with served(baked, *settings, f"--volume={tokens}:/tokens:ro") as container:
        yield container


def predict(pod: Container, token: str | None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    asked = {"text": TEXT, "model_name": REGISTERED}
    return httpx.post(f"{pod.url}/predict", params=asked, headers=headers, timeout=60)


def test_a_pod_of_it_serves_what_is_baked_in_to_who_has_the_token(pod: Container) -> None:
    """Seen failing without the COPY of the store, and without the files of the tokens."""
    assert predict(pod, None).status_code == httpx.codes.UNAUTHORIZED
    assert predict(pod, f"predict-token-{TOKEN}").json()["model_used"] == REGISTERED


def test_a_pod_of_it_ends_well(pod: Container, note: Note) -> None:
    """Last, for it ends the pod. Seen failing with `STOPSIGNAL SIGKILL`."""
    note("overlays/baked: docker run to /readyz", f"{pod.ready_seconds:.1f} s")

    assert pod.stop() == 0

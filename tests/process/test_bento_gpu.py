"""The Bento for GPUs: built with its lock, which is resolved here and installed where it runs."""

import re

import pytest

from tests.files import ROOT
from tests.process.bento import Bento, built, hashes, held, ours, places

LOCK = (ROOT / "requirements" / "gpu.txt").read_text(encoding="utf-8")

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Bento:
    return built(tmp_path_factory.mktemp("bento"), "bentofile.gpu.yaml")


def locked() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, flags=re.MULTILINE))


def test_it_holds_the_same_packages_as_the_other_and_its_own_lock(bento: Bento) -> None:
    """BentoML adds the bentofile, by this name. Seen failing without the catalogue."""
    assert held(bento) == ours("bentofile.yaml", "requirements/gpu.txt")


def test_nothing_in_it_names_this_machine_or_where_packages_come_from(bento: Bento) -> None:
    """Seen failing with `find_links` in bentofile.gpu.yaml."""
    assert places(bento) == []


def test_its_requirements_have_the_hashes_of_the_lock(bento: Bento) -> None:
    """Seen failing with the lock of the other Bento."""
    assert hashes(bento.text("env/python/requirements.txt")) == hashes(LOCK) != set()


def test_its_lock_has_cuda_builds_and_no_build_of_one_machine() -> None:
    """A local version (`2.13.0+cpu`) is what a folder of wheels gives. Seen failing with one."""
    versions = locked()

    assert "onnxruntime" not in versions
    assert {"onnxruntime-gpu", "torch", "transformers"} <= versions.keys()
    assert [name for name, version in versions.items() if "+" in version] == []


def test_its_lock_has_the_cuda_that_both_engines_load() -> None:
    """onnxruntime-gpu loads torch's: one of each, of one release. Seen failing without cuDNN."""
    versions = locked()
    cuda = ("nvidia-cuda-runtime", "nvidia-cuda-nvrtc", "cuda-toolkit")

    assert {versions[name].split(".")[0] for name in cuda} == {"13"}
    assert {
        "nvidia-cublas",
        "nvidia-cudnn-cu13",
        "nvidia-cufft",
        "nvidia-curand",
    } <= versions.keys()


def test_its_image_starts_from_plain_python_and_installs_the_lock(bento: Bento) -> None:
    """Seen failing with `cuda_version`, which brings a second CUDA, and compilers."""
    dockerfile = bento.text("env/docker/Dockerfile")

    assert set(re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE)) == {
        "python:3.11-slim",
        "packages",
    }
    assert "--require-hashes --requirement /lock/*.txt" in dockerfile
    assert "ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility" in dockerfile

"""Real runtimes, asked whether they have CUDA."""

import logging

import onnxruntime as ort  # type: ignore[import-untyped]
import pytest

from models.forkserver import ForkServer
from models.runtimes import Runtimes
from tests.process.processes import living_children

pytestmark = pytest.mark.process

HAS_CUDA = "CUDAExecutionProvider" in ort.get_available_providers()


async def test_a_runtime_is_asked_once_in_a_child_that_is_gone_then(
    forkserver: ForkServer,
) -> None:
    """Planted fault: the answer was not kept, so that the closed one was asked."""
    runtimes = Runtimes(forkserver)
    answers = [await runtimes.has_cuda("onnx")]
    assert living_children(forkserver) == []

    await forkserver.aclose()
    answers.append(await runtimes.has_cuda("onnx"))

    assert answers == [HAS_CUDA, HAS_CUDA]


async def test_a_fork_server_is_not_started_to_be_asked(forkserver: ForkServer) -> None:
    """It takes seconds and memory, of which nothing was reserved yet. A GPU is expected, then."""
    runtimes = Runtimes(forkserver)

    assert await runtimes.has_cuda("pytorch")
    assert forkserver.pids == {forkserver.pid}
    assert runtimes.known == {}


async def test_without_an_answer_a_gpu_is_expected_and_the_log_says_why(
    forkserver: ForkServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And the next one asks again."""
    runtimes = Runtimes(forkserver)
    await forkserver.aclose()

    with caplog.at_level(logging.WARNING):
        assert await runtimes.has_cuda("onnx")

    assert "whether onnx has CUDA is not known: the fork server is closed" in caplog.text
    assert runtimes.known == {}

"""onnxruntime falls back to the CPU and only warns of it; the engine does not let that pass."""

import logging
from types import SimpleNamespace

import onnxruntime  # type: ignore[import-untyped]
import pytest

from models.engines import onnx
from models.engines.onnx import _obstacle, _providers, _settled
from models.errors import ModelLoadFailed

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def session(*providers: str) -> SimpleNamespace:
    return SimpleNamespace(get_providers=lambda: list(providers))


def test_a_session_that_quietly_went_to_the_cpu_is_an_error() -> None:
    """Planted fault: what was asked for was taken for what was got."""
    with pytest.raises(ModelLoadFailed, match="on cuda:1, but onnxruntime could not start CUDA"):
        _settled(session(CPU), "cuda:1", "cuda:1")


def test_with_auto_the_cpu_will_do_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert _settled(session(CPU), "cuda:0", "auto") == "cpu"

    assert "could not start CUDA" in caplog.text


def test_where_cuda_comes_first_that_is_where_it_runs() -> None:
    assert _settled(session(CUDA, CPU), "cuda:1", "cuda:1") == "cuda:1"
    assert _settled(session(CPU), "cpu", "auto") == "cpu"


def test_dynamic_int8_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the runtime has."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(onnx, "no_gpu", lambda device: None)

    assert "fp32 or int8-weights" in (_obstacle("int8", "auto") or "")
    assert (_obstacle("fp32", "auto"), _obstacle("int8-weights", "cuda:1")) == (None, None)


def test_on_a_gpu_the_cpu_stands_by_and_nothing_is_rounded_by_batch_size() -> None:
    """TF32 would be chosen for big batches alone."""
    [(name, options), fallback] = _providers("cuda:1")

    assert (name, fallback) == (CUDA, CPU)
    assert (options["device_id"], options["use_tf32"]) == (1, 0)
    assert _providers("cpu") == [CPU]

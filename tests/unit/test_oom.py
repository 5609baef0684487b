"""Whether it was memory that was missing, from an error's words and the kernel's count."""

from pathlib import Path

import pytest

from models import oom

FROM_ONNX = (
    "RuntimeException: [ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned"
    " while running Expand node. Status Message: onnxruntime/core/framework/bfc_arena.cc:376 void*"
    " onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, Stream*) Failed to allocate memory"
    " for requested buffer of size 70368744177664"
)


@pytest.mark.parametrize(
    "message",
    [
        "MemoryError: ",
        "Fail: std::bad_alloc",
        FROM_ONNX,
        "ArrayMemoryError: Unable to allocate 7.45 GiB for an array with shape (1000000000,)",
        "RuntimeException: CUDA failure 2: out of memory ; GPU=0",
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
        "OSError: [Errno 12] Cannot allocate memory",
    ],
)
def test_an_error_that_speaks_of_missing_memory_is_understood(message: str) -> None:
    assert oom.is_meant_by(message)


@pytest.mark.parametrize(
    "message",
    [
        "InvalidProtobuf: model.onnx: Protobuf parsing failed",
        "model.onnx is missing; register it again",
        "ValueError: the model gives 2 logits, but has 3 labels",
        "OSError: [Errno 28] No space left on device",
        "loading timed out after 120 s",
        "RuntimeError: in-memory tables cannot be read",
        "",
    ],
)
def test_other_errors_are_not(message: str) -> None:
    """Planted fault: "memory" alone looked for."""
    assert not oom.is_meant_by(message)


def test_the_kernel_s_kills_are_counted(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("nr_free_pages 7\noom_kill 3\noom_kill_x 9\n")

    assert oom.kills(tmp_path) == 3


@pytest.mark.parametrize("text", [None, "nr_free_pages 7\n", "oom_kill many\n"])
def test_a_kernel_that_does_not_count_has_killed_nobody(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "vmstat").write_text(text)

    assert oom.kills(tmp_path) == 0


def test_this_kernel_counts() -> None:
    assert oom.kills() >= 0

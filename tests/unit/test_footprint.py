"""Memory figures out of /proc: what is charged to a runner, and what is not."""

import subprocess
import sys
from pathlib import Path

from models import footprint

_MODEL = Path("/store/colours/v1")


def _mapping(path: str = "", **kilobytes: int) -> list[str]:
    header = f"7f0000000000-7f0000100000 r--p 00000000 fe:00 26723                      {path}"
    fields = {"Rss": 99, "Pss": 98, "Shared_Clean": 0, "Private_Clean": 0} | kilobytes
    return [
        header.rstrip(),
        *(f"{name}:      {value} kB" for name, value in fields.items()),
        "VmFlags: rd mr mw me",
    ]


def test_what_is_private_is_charged() -> None:
    smaps = _mapping("[heap]", Private_Dirty=3, Private_Clean=2) + _mapping("", Private_Dirty=5)

    assert footprint.charge(smaps, _MODEL) == 10 * 1024


def test_pages_shared_with_the_fork_server_are_not_charged() -> None:
    smaps = _mapping("/usr/lib/libonnxruntime.so", Shared_Clean=1000, Shared_Dirty=7)

    assert footprint.charge(smaps, _MODEL) == 0


def test_a_shared_mapping_of_the_models_own_files_is_charged_in_full() -> None:
    """Planted fault: charging private pages alone made this 0."""
    smaps = _mapping(f"{_MODEL}/model onnx: the.data", Shared_Clean=400, Private_Clean=3)

    assert footprint.charge(smaps, _MODEL) == 403 * 1024


def test_a_deleted_file_of_the_model_still_counts() -> None:
    smaps = _mapping(f"{_MODEL}/model.onnx.data (deleted)", Shared_Clean=400)

    assert footprint.charge(smaps, _MODEL) == 400 * 1024


def test_a_folder_whose_name_only_begins_alike_is_another() -> None:
    smaps = _mapping(f"{_MODEL}2/model.onnx.data", Shared_Clean=400)

    assert footprint.charge(smaps, _MODEL) == 0


def test_the_mapping_after_the_models_is_judged_by_its_own_path() -> None:
    smaps = _mapping(f"{_MODEL}/model.onnx.data") + _mapping("/lib/libc.so", Shared_Clean=50)

    assert footprint.charge(smaps, _MODEL) == 0


def test_swapped_pages_are_charged_by_share() -> None:
    assert footprint.charge(_mapping("[heap]", Swap=8, SwapPss=2), _MODEL) == 2 * 1024


def test_a_rollup_gives_the_proportional_and_the_private_size() -> None:
    rollup = footprint.sums(_mapping("[rollup]", Pss=100, Private_Dirty=60, Private_Clean=10))

    assert (rollup.proportional, rollup.private) == (100 * 1024, 70 * 1024)
    assert rollup.shared == 30 * 1024


def test_of_a_rollup_what_no_file_backs_is_anonymous() -> None:
    """Planted faults: tmpfs left out, and swap counted, though its end frees no memory."""
    rollup = _mapping(
        "[rollup]", Pss=100, Pss_Anon=55, Pss_File=40, Pss_Shmem=5, SwapPss=3, Private_Clean=39
    )

    assert footprint.sums(rollup).anonymous == 60 * 1024


def test_before_the_kernel_told_the_anonymous_part_it_is_the_private_one() -> None:
    """Planted fault: 0, so that every load took its own size from the budget for good."""
    rollup = _mapping("[rollup]", Pss=100, Private_Dirty=60, Private_Clean=10, SwapPss=3)

    assert footprint.sums(rollup).anonymous == 73 * 1024


def test_a_process_that_is_gone_has_no_memory_and_raises_nothing() -> None:
    gone = 1 << 22

    assert footprint.footprint(gone, _MODEL) is None
    assert footprint.rollup(gone) == footprint.Rollup()


def test_the_kernels_own_figures_are_read() -> None:
    """In a process of its own, whose memory nothing else moves meanwhile."""
    code = """
import mmap, os
from pathlib import Path
from models import footprint
pid, folder = os.getpid(), Path("/nowhere")
footprint.footprint(pid, folder)
before = footprint.footprint(pid, folder)
ballast = mmap.mmap(-1, 32_000_000, flags=mmap.MAP_PRIVATE)
ballast.write(b"x" * 32_000_000)
print(footprint.footprint(pid, folder) - before)
rollup = footprint.rollup(pid)
print(0 <= rollup.shared <= rollup.proportional)
print(32_000_000 <= rollup.anonymous <= rollup.proportional)
"""
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert abs(int(told[0]) - 32_000_000) < 8_000_000
    assert told[1:] == ["True", "True"]

from pathlib import Path

import psutil

from models.limits import memory_limit


def _cgroup(proc: Path, text: str) -> None:
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(text)


def _limit(folder: Path, name: str, value: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(value + "\n")


def test_without_a_cgroup_the_limit_is_the_physical_memory(tmp_path: Path) -> None:
    assert memory_limit(tmp_path, tmp_path) == psutil.virtual_memory().total


def test_the_smallest_limit_of_all_ancestors_counts_in_version_2(tmp_path: Path) -> None:
    root, proc = tmp_path / "fs", tmp_path / "proc"
    _cgroup(proc, "0::/pod/container\n")
    _limit(root / "pod", "memory.max", "600000000")
    _limit(root / "pod" / "container", "memory.max", "900000000")

    assert memory_limit(root, proc) == 600_000_000


def test_the_limit_of_version_1_is_found_under_its_controller(tmp_path: Path) -> None:
    root, proc = tmp_path / "fs", tmp_path / "proc"
    _cgroup(proc, "9:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n")
    _limit(root / "memory" / "a" / "b", "memory.limit_in_bytes", "700000000")
    _limit(root / "memory", "memory.limit_in_bytes", str(2**63 - 4096))

    assert memory_limit(root, proc) == 700_000_000


def test_in_a_container_the_limit_at_the_mount_counts(tmp_path: Path) -> None:
    """The path in /proc/self/cgroup is the host's; only the top of the mount is visible."""
    root, proc = tmp_path / "fs", tmp_path / "proc"
    _cgroup(proc, "0::/kubepods/pod1/abc\n")
    _limit(root, "memory.max", "500000000")

    assert memory_limit(root, proc) == 500_000_000


def test_no_limit_is_written_as_max(tmp_path: Path) -> None:
    root, proc = tmp_path / "fs", tmp_path / "proc"
    _cgroup(proc, "0::/a\n")
    _limit(root / "a", "memory.max", "max")

    assert memory_limit(root, proc) == psutil.virtual_memory().total

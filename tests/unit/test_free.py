"""What could still be taken: the machine's free memory, or the tightest cgroup's."""

from pathlib import Path

import pytest

from models.free import free_memory
from models.limits import memory_limit

MB = 1_000_000
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
V2 = ("memory.max", "memory.current", "")


class Host:
    """The kernel's files of a machine with 8192 kB available and no cgroup, under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "fs"
        self.proc = folder / "proc"
        self.member("")
        self.meminfo(MemTotal=16384, MemFree=1024, MemAvailable=8192, Cached=2048)

    def member(self, text: str) -> None:
        """The lines of /proc/self/cgroup."""
        (self.proc / "self").mkdir(parents=True, exist_ok=True)
        (self.proc / "self" / "cgroup").write_text(text)

    def meminfo(self, **kilobytes: int) -> None:
        lines = (f"{name}: {value:>15} kB\n" for name, value in kilobytes.items())
        (self.proc / "meminfo").write_text("".join(lines))

    def group(
        self,
        path: str,
        limit: int,
        usage: int,
        files: tuple[str, str, str] = V2,
        **stat: int,
    ) -> Path:
        """A cgroup; what `stat` says is added to its memory.stat."""
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / files[0]).write_text(f"{limit}\n")
        (folder / files[1]).write_text(f"{usage}\n")
        known = {"shmem": 0, f"{files[2]}inactive_file": 0, f"{files[2]}active_file": 0} | stat
        lines = (f"{name} {value}\n" for name, value in known.items())
        (folder / "memory.stat").write_text("".join(lines))
        return folder

    def free(self) -> int:
        return free_memory(self.root, self.proc)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_without_a_cgroup_it_is_what_the_machine_has_available(host: Host) -> None:
    """Planted fault: kilobytes taken for bytes."""
    assert host.free() == 8192 * 1024


def test_an_old_kernel_s_is_free_and_cached_less_what_lies_in_tmpfs(host: Host) -> None:
    """Planted fault: Cached has tmpfs in it, which nobody can take back."""
    host.meminfo(MemFree=1024, Cached=2048, Shmem=48)

    assert host.free() == 3024 * 1024


def test_swap_is_not_free(host: Host) -> None:
    """Planted fault: SwapFree added, so that models were swapped out rather than evicted."""
    host.meminfo(MemAvailable=8192, SwapTotal=4096, SwapFree=4096, SwapCached=7)

    assert host.free() == 8192 * 1024


def test_a_cgroup_has_its_limit_less_what_is_used_without_page_cache(host: Host) -> None:
    """Planted fault: page cache counted as used, so that reading a file took a model's room."""
    host.member("0::/pod\n")
    host.group("pod", 6 * MB, 5 * MB, inactive_file=MB, active_file=2 * MB)

    assert host.free() == 4 * MB


def test_tmpfs_is_used_memory(host: Host) -> None:
    """Planted fault: `file` taken for the page cache; shmem is in it."""
    host.member("0::/pod\n")
    host.group("pod", 6 * MB, 5 * MB, file=4 * MB, shmem=4 * MB)

    assert host.free() == MB


def test_version_1_is_read_with_what_lies_below_the_group(host: Host) -> None:
    """Planted fault: `inactive_file` is the group's own part, the usage is the whole subtree's."""
    host.member("4:memory:/pod\n0::/\n")
    host.group(
        "memory/pod",
        6 * MB,
        5 * MB,
        V1,
        total_inactive_file=MB,
        total_active_file=MB,
        inactive_file=9,
        active_file=9,
    )

    assert host.free() == 3 * MB


def test_the_ancestor_with_the_least_room_counts(host: Host) -> None:
    """Planted fault: the smallest limit taken, though siblings had filled the larger one above."""
    host.member("0::/pod/container\n")
    host.group("pod", 7 * MB, 6 * MB)
    host.group("pod/container", 3 * MB, MB)

    assert host.free() == MB


def test_the_machine_counts_when_it_has_less_than_the_cgroup(host: Host) -> None:
    """Planted fault: a limit above what is left on the machine promised its neighbours' memory."""
    host.member("0::/pod\n")
    host.group("pod", 900 * MB, MB)

    assert host.free() == 8192 * 1024


def test_it_is_never_negative(host: Host) -> None:
    """A limit may be lowered below what is used already."""
    host.member("0::/pod\n")
    host.group("pod", 4 * MB, 5 * MB)

    assert host.free() == 0


def test_more_cache_than_use_is_no_more_than_the_limit(host: Host) -> None:
    """The two are read one after another. Planted fault: the difference was added to the limit."""
    host.member("0::/pod\n")
    host.group("pod", 4 * MB, MB, active_file=3 * MB)

    assert host.free() == 4 * MB


@pytest.mark.parametrize("name", ["memory.max", "memory.current", "memory.stat"])
@pytest.mark.parametrize("text", [None, "", "max\n", "inactive_file 5\n", "active_file\n"])
def test_a_cgroup_that_cannot_be_read_limits_nothing(
    host: Host, name: str, text: str | None
) -> None:
    """Planted fault: a missing figure taken for zero, or raised, once a second."""
    host.member("0::/pod\n")
    path = host.group("pod", 4 * MB, MB) / name
    path.unlink()
    if text is not None:
        path.write_text(text)

    assert host.free() == 8192 * 1024


@pytest.mark.parametrize("kilobytes", [{}, {"MemFree": 1}, {"Cached": 1}])
def test_a_machine_that_cannot_be_read_limits_nothing(
    host: Host, kilobytes: dict[str, int]
) -> None:
    """Planted fault: no figure taken for no memory."""
    host.member("0::/pod\n")
    host.group("pod", 40 * MB, MB)
    host.meminfo(**kilobytes)

    assert host.free() == 39 * MB


def test_where_nothing_can_be_read_there_is_more_than_any_machine_has(tmp_path: Path) -> None:
    """So that the static budget alone decides."""
    assert free_memory(tmp_path / "fs", tmp_path / "proc") >= 1 << 60


@pytest.mark.parametrize("text", ["", "nonsense\n", "4:memory\n", "0:\n"])
def test_a_membership_that_cannot_be_read_leaves_the_machine(host: Host, text: str) -> None:
    host.member(text)

    assert host.free() == 8192 * 1024


def test_this_machine_s_own_figures_are_within_its_limit() -> None:
    assert 0 < free_memory() <= memory_limit()

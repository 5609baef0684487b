"""How much memory this process tree may use: the smallest cgroup limit, else all there is."""

from pathlib import Path

import psutil

from models.cgroups import limited_groups


def memory_limit(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> int:
    """Bytes: the smallest limit of all cgroups this process is in (v1 and v2), at most physical."""
    physical = int(psutil.virtual_memory().total)
    return min([physical, *(group.limit for group in limited_groups(root, proc))])

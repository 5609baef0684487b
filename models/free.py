"""How much memory this process tree could still take, beside all others on the machine."""

from pathlib import Path

from models.cgroups import UNLIMITED, LimitedGroup, figures, limited_groups


def free_memory(root: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> int:
    """Bytes: what the machine has available, or the least room in a cgroup where that is less.

    Page cache counts as free, swap does not. What cannot be read limits nothing; where nothing
    can be read at all it is a number far beyond any machine's.
    """
    rooms = (_machine(proc), *map(_group, limited_groups(root, proc)))
    return max(0, min((room for room in rooms if room is not None), default=UNLIMITED))


def _machine(proc: Path) -> int | None:
    known = figures(proc / "meminfo", "MemAvailable:", "MemFree:", "Cached:", "Shmem:")
    kilobytes = known.get("MemAvailable:")
    if kilobytes is None and {"MemFree:", "Cached:"} <= known.keys():
        kilobytes = known["MemFree:"] + known["Cached:"] - known.get("Shmem:", 0)
    return None if kilobytes is None else 1024 * kilobytes


def _group(group: LimitedGroup) -> int | None:
    usage, cache = group.usage(), group.page_cache()
    return None if usage is None or cache is None else group.limit - max(0, usage - cache)

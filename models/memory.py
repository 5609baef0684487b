"""What the service itself uses, and what that leaves for models."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_high

import psutil

from cache.policy import Limits
from cache.ports import Clock
from models import footprint
from models.config import ServingConfig

_MAX_AGE = 1.0
"""Seconds for which a sample is good: the tree is not measured more often."""

_STEADYING = 5
"""Measurements of which the own use is the median. Processes are read one after another, so pages
that a runner shares are counted twice, or not at all, when it comes or goes meanwhile."""

_CHILDREN = Path("/proc/thread-self/children")
"""There where the kernel tells children, as nearly all do (CONFIG_PROC_CHILDREN)."""

_WORDS_OF_A_COMMAND = 3
"""`python -m bentoml` are the most that it takes to say which command it is."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes of proportional set size, at a monotonic time.

    `own` is what the tree would use without its runners: the service's own processes, and the
    pages that runners share with them; the median of the last few measurements.
    `anonymous` is what the runners hold in memory that is backed by no file.
    """

    own: int
    total: int
    at: float
    anonymous: int = 0


class MemoryMeter:
    """Measures the process tree from `root` down, off the event loop.

    `forkservers` tells the processes whose children are runners, `residents` the runners that are
    known by name: after a fork server's death they are no longer its children.
    """

    def __init__(
        self,
        root: int,
        forkservers: Callable[[], Collection[int]],
        residents: Callable[[], Collection[int]],
        clock: Clock,
    ) -> None:
        self._root = root
        self._forkservers = forkservers
        self._residents = residents
        self._clock = clock
        self._measuring: asyncio.Task[Sample] | None = None
        self._owns: deque[int] = deque(maxlen=_STEADYING)
        self.last = Sample(0, 0, float("-inf"))

    async def sample(self, *, max_age: float = _MAX_AGE) -> Sample:
        """The figures of now, or of at most `max_age` seconds ago; concurrent callers share one."""
        if self._clock.monotonic() - self.last.at <= max_age:
            return self.last
        if self._measuring is None:
            self._measuring = asyncio.create_task(self._measure())
        return await asyncio.shield(self._measuring)

    async def _measure(self) -> Sample:
        try:
            own, total, anonymous = await asyncio.to_thread(
                measure_tree, self._root, self._forkservers(), self._residents()
            )
            self._owns.append(own)
            own, now = median_high(self._owns), self._clock.monotonic()
            self.last = Sample(own, total, now, anonymous)
            return self.last
        finally:
            self._measuring = None


def measure_tree(
    root: int, forkservers: Collection[int], residents: Collection[int]
) -> tuple[int, int, int]:
    """(own, total, anonymous) in bytes at about this moment; see `Sample`."""
    below = set().union(*map(descendants, forkservers))
    runners = (below - set(forkservers)).union(residents)
    rollups = {pid: footprint.rollup(pid) for pid in descendants(root) | runners}
    private = sum(rollups[pid].proportional - rollups[pid].shared for pid in runners)
    total = sum(rollup.proportional for rollup in rollups.values())
    return total - private, total, sum(rollups[pid].anonymous for pid in runners)


def descendants(root: int) -> set[int]:
    """`root` and every process below it; of those that come or go meanwhile some may be missing."""
    if not _CHILDREN.exists():
        return _descendants_by_parents(root)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        children = _children(pid)
        if children is not None:
            found.add(pid)
            waiting += children
    return found


def _children(pid: int) -> list[int] | None:
    """Those of all its threads; None when it is gone."""
    tasks = f"/proc/{pid}/task"
    try:
        threads = os.listdir(tasks)  # noqa: PTH208  # paths would double the time
    except (FileNotFoundError, ProcessLookupError):
        return None
    children: list[int] = []
    for thread in threads:
        with (
            suppress(FileNotFoundError, ProcessLookupError),
            open(f"{tasks}/{thread}/children", "rb") as file,  # noqa: PTH123  # likewise
        ):
            children += map(int, file.read().split())
    return children


def _descendants_by_parents(root: int) -> set[int]:
    """Asks every process of the machine for its parent."""
    try:
        below = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return set()
    return {root, *(process.pid for process in below)}


def serve_process(pid: int) -> int:
    """The topmost ancestor of `pid` that is a `bentoml` command, or `pid` itself."""
    top = pid
    for parent in psutil.Process(pid).parents():
        if _is_bentoml(parent):
            top = parent.pid
    return top


def _is_bentoml(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()[:_WORDS_OF_A_COMMAND]
    except psutil.Error:
        return False
    return any(Path(word).name == "bentoml" for word in words)


def limits_for(config: ServingConfig, limit: int, own: int) -> Limits:
    """What residents may use, where `limit` bytes are there and the service uses `own` of them."""
    return Limits(
        budget=int(config.max_memory_usage * limit) - own,
        comfort=int(config.memory_threshold * limit) - own,
        max_entries=config.max_models,
    )


def elastic(limits: Limits, sample: Sample, free: int, reserve: int) -> Limits:
    """`limits`, made smaller by what others on the machine have taken; all figures in bytes.

    What the runners hold anonymously would come free if they left, and the model files that they
    map are page cache, which is in `free` already: the two make up all that models could have,
    loaded or not. `reserve` of it, (1 - max_memory_usage) x limit, is kept for others. `sample`
    and `free` should be of one moment: between them a load would count on one side only.
    """
    available = max(0, sample.anonymous + free - reserve)
    budget = min(limits.budget, available)
    return replace(limits, budget=budget, comfort=min(limits.comfort, budget))

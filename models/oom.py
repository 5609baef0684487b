"""Whether it was for want of memory that something failed."""

import re
from pathlib import Path

from models.cgroups import figures

_WORDS = re.compile(
    r"\bMemoryError\b|\bbad_alloc\b|\bout of memory\b|\bcannot allocate memory\b"
    r"|\bfailed to allocate memory\b|\bunable to allocate\b",
    re.IGNORECASE,
)
"""What Python, C++, ONNX Runtime, numpy, CUDA and the kernel call it."""


def kills(proc: Path = Path("/proc")) -> int:
    """How many processes the kernel has killed for want of memory, cgroup limits included.

    On the whole machine, since it was started; 0 where the kernel does not count (before 4.13).
    """
    return figures(proc / "vmstat", "oom_kill").get("oom_kill", 0)


def is_meant_by(message: str) -> bool:
    """Does an error speak of memory that was not there?"""
    return _WORDS.search(message) is not None

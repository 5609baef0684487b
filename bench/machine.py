"""What a run was made on: enough to compare with, nothing that names the machine."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil


def about() -> dict[str, Any]:
    """Memory in MB. Load is what others had the cores do when the run began."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "processor": processor(),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "onnxruntime": _version("onnxruntime"),
        "tokenizers": _version("tokenizers"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    for line in cpuinfo.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"

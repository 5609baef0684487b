"""Where an engine computes: what was asked for, held against what is there."""

from collections.abc import Callable

from models.devices import gpus
from models.errors import ModelLoadFailed

Obstacle = Callable[[], str | None]
"""Why the engine cannot use that GPU here, and what would help; None where it can."""


def place(device: str, obstacle: Obstacle) -> str:
    """ "cpu" or "cuda:N" for `device`, which is "auto", "cpu", "cuda" or "cuda:N".

    Raises ModelLoadFailed where CUDA was asked for and cannot be had: to run on the CPU instead
    would be slow without anybody knowing why.
    """
    if device == "cpu":
        return device
    reason = obstacle()
    if reason is None:
        return f"cuda:{number(device)}"
    if device == "auto":
        return "cpu"
    raise ModelLoadFailed(refusal(device, reason))


def refusal(device: str, reason: str) -> str:
    return f'the model is to run on {device}, but {reason}; or have it run with device = "cpu"'


def number(device: str) -> int:
    """Of the GPU; "auto" and "cuda" mean the first."""
    return int(device.partition(":")[2] or 0)


def no_gpu(device: str) -> str | None:
    """An obstacle for every engine. Asks the driver, so it is asked last."""
    seen = gpus()
    if f"cuda:{number(device)}" in seen:
        return None
    return f"the driver shows {'only ' + ', '.join(seen) if seen else 'no GPU'} here"

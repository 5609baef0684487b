"""Temperature scaling: makes confidences as large as they are right, and changes no label.

C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_COLDEST, _HOTTEST = 0.05, 20.0
_STEPS = 80


def best_temperature(logits: Matrix, wanted: NDArray[np.int64]) -> float:
    """By which `logits` (texts x classes) are to be divided for the least negative log-likelihood.

    `wanted` are the indices of the true classes. The likelihood has one minimum in the logarithm
    of the temperature, which golden-section search finds.
    """
    low, high = np.log(_COLDEST), np.log(_HOTTEST)
    part = (np.sqrt(5) - 1) / 2
    left, right = high - part * (high - low), low + part * (high - low)
    for _ in range(_STEPS):
        if loss(logits / np.exp(left), wanted) < loss(logits / np.exp(right), wanted):
            high, right = right, left
            left = high - part * (high - low)
        else:
            low, left = left, right
            right = low + part * (high - low)
    return float(np.exp((low + high) / 2))


def loss(logits: Matrix, wanted: NDArray[np.int64]) -> float:
    """The mean negative log-likelihood of the true classes, in nats."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normal = np.log(np.exp(shifted).sum(axis=1))
    return float((normal - shifted[np.arange(len(wanted)), wanted]).mean())

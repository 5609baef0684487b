"""A calibrated multinomial logistic regression on features. Needs torch; no randomness.

Features are standardised for the fit, and that is folded into the weights, as the temperature is:
what comes out is one linear layer whose softmax is to be believed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.labelled.temperature import best_temperature, loss
from models.registration.checkpoint import import_torch
from models.registration.heads.features import Features

PENALTIES = (0.1, 0.03, 0.01, 0.003, 0.001)
"""Of half the squared weights, beside the mean loss of a text; tried from the strictest."""

_STEPS = 100
_FLAT = 1e-6
"""A feature that varies less is left as it is."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Head:
    """`weight` is classes x features, `bias` one number for each class; both for plain features."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    penalty: float
    temperature: float

    def logits(self, features: Features) -> NDArray[np.float64]:
        found: NDArray[np.float64] = features @ self.weight.T + self.bias
        return found


def fit(features: Features, wanted: Numbers, apart: NDArray[np.bool_], classes: int) -> Head:
    """The penalty and the temperature are those with the least loss on the rows set `apart`.

    `features` are texts x features, `wanted` the class of each text, by its index.
    """
    mean, spread = features[~apart].mean(axis=0), features[~apart].std(axis=0)
    spread[spread < _FLAT] = 1.0
    plain = (features - mean) / spread
    best: tuple[float, Head] | None = None
    start = np.zeros((classes, features.shape[1] + 1))
    for penalty in PENALTIES:
        start = _regression(plain[~apart], wanted[~apart], penalty, start)
        weight, bias = start[:, :-1], start[:, -1]
        logits = plain[apart] @ weight.T + bias
        temperature = best_temperature(logits, wanted[apart])
        left = loss(logits / temperature, wanted[apart])
        if best is None or left < best[0]:
            folded = weight / spread / temperature
            head = Head(folded, bias / temperature - folded @ mean, penalty, temperature)
            best = left, head
    if best is None:
        raise ValueError("there are no penalties to choose from")
    return best[1]


def _regression(
    features: Features, wanted: Numbers, penalty: float, start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Classes x (features, and the bias, which is not penalised)."""
    torch = import_torch()
    inputs, classes = torch.from_numpy(features), torch.from_numpy(wanted)
    weights = torch.from_numpy(start.copy()).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [weights], max_iter=_STEPS, line_search_fn="strong_wolfe", tolerance_grad=1e-5
    )

    def closure() -> Any:
        optimiser.zero_grad()
        logits = inputs @ weights[:, :-1].T + weights[:, -1]
        total = torch.nn.functional.cross_entropy(logits, classes)
        total = total + penalty / 2 * (weights[:, :-1] ** 2).sum()
        total.backward()
        return total

    optimiser.step(closure)
    found: NDArray[np.float64] = weights.detach().numpy()
    return found

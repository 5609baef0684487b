"""How readily an attack is seen: a constant taken off the logit of the harmless class.

Of the texts of training most are harmless, of those that a door is tried with perhaps not. A
constant on a logit is what another share of the classes amounts to (M. Saerens, P. Latinne,
C. Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural
Computation 14, 2002). Needs torch.
"""

from typing import Any

import torch


def lean(model: Any, harmless: int, caution: float) -> None:
    """Take `caution`, in nats, off the harmless class for good, in the bias of the last layer."""
    last = [layer for layer in model.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.bias[harmless] -= caution

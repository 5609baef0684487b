"""Distillation: a larger classifier says of each text how sure it is, and a smaller one learns it.

G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015. Needs torch.
"""

from typing import Any

from torch.nn.functional import kl_div, log_softmax, softmax

SOFTNESS = 2.0
"""By which the logits of both are divided, so that what is unlikely is learnt too."""


def distance(logits: Any, taught: Any) -> Any:
    """How far each text's answer is from the teacher's: Kullback-Leibler, times SOFTNESS squared.

    That keeps its gradients as large as those of the labels, whatever the softness.
    """
    own, wanted = log_softmax(logits / SOFTNESS, dim=1), softmax(taught / SOFTNESS, dim=1)
    return kl_div(own, wanted, reduction="none").sum(dim=1) * SOFTNESS**2

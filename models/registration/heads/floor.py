"""Is a head worth being served? Pure."""

from models.errors import RegistrationFailed
from models.spec import FittedHead

FLOOR = 0.70
"""The least macro-F1 on held-out texts.

To call everything by the most frequent of five labels gives 0.15; a head on an encoder whose
weights are random, which knows words and no meaning, 0.87 on our data. What is below 0.7 has not
learnt a label at all, or was fitted on data of another kind than it is judged by.
"""


def check_floor(head: FittedHead, *, force: bool) -> None:
    """Raises RegistrationFailed with the figures; not where registration is forced."""
    if head.macro_f1 >= head.floor or force:
        return
    raise RegistrationFailed(
        f"the fitted head is not good enough: {figures(head)}; the macro-F1 must not be below"
        f" {head.floor:.2f}. Look at the labels of {head.data} and {head.judge}, fit on more texts"
        " (--rows, --data), take another encoder, or register it all the same with --force"
    )


def figures(head: FittedHead) -> str:
    classes = ", ".join(
        f"{each.label} {'-' if each.f1 is None else format(each.f1, '.3f')}"
        for each in head.classes
    )
    return (
        f"macro-F1 {head.macro_f1:.3f} on {head.judged:,} held-out texts ({head.judge}), expected"
        f" calibration error {head.ece:.3f}; F1 by class: {classes}"
    )

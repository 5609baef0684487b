"""Is a converted model still the same one? Answers of both, held against each other. Pure.

An answer is a row of probabilities; None where the model could not read the text.

The gate for quantising is in two parts. That labels *agree* is always asked. That the model is
*decided* is asked when nobody has chosen a precision: a head that was never trained cannot be told
by looking at its weights, but by its answers, which hover around even odds, or are one label for
everything. Of such answers agreement says nothing: where there is one label, none can change, and
where all is a toss-up, rounding decides. Whatever the model is, one that is decided, uses its
labels, and keeps them on varied texts is not harmed by quantising it.
"""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from models.spec import Parity

_DIGITS = 6

Answer = Sequence[float] | None

AGREEMENT = 0.995
"""The fraction of texts that have to keep their label."""

MARGIN = 0.5
"""How far the first probability has to be above the second, on half of the texts."""

SHARE = 0.05
"""The fraction of texts that have to get another label than the most frequent one."""


def compare(reference: Sequence[Answer], found: Sequence[Answer], name: str) -> Parity:
    """Of the texts that the reference, called `name`, can read; ValueError when it reads none."""
    pairs = [(a, b) for a, b in zip(reference, found, strict=True) if a is not None]
    if not pairs:
        raise ValueError("no text can be read")
    return Parity(
        agreement=sum(b is not None and _label(a) == _label(b) for a, b in pairs) / len(pairs),
        largest_shift=round(max(_shift(a, b) for a, b in pairs), _DIGITS),
        texts=len(pairs),
        reference=name,
    )


def disagreement(parity: Parity) -> str | None:
    """Why quantising is refused, with the figures; None when it is not."""
    if parity.agreement >= AGREEMENT:
        return None
    changed = round((1 - parity.agreement) * parity.texts)
    return (
        f"{changed} of {parity.texts} texts get another label ({parity.agreement:.2%} agree,"
        f" {AGREEMENT:.1%} must; a probability moves by {parity.largest_shift:.2g})"
    )


def indecision(answers: Sequence[Answer]) -> str | None:
    """Why a model's answers cannot show whether quantising would change them; None if they can."""
    known = [answer for answer in answers if answer is not None]
    if not known:
        return "it can read none of the texts for comparing"
    [(_, most)] = Counter(_label(answer) for answer in known).most_common(1)
    if len(known) - most < SHARE * len(known):
        return f"it gives one label to {most} of {len(known)} texts"
    middle = median(_margin(answer) for answer in known)
    if middle < MARGIN:
        return (
            f"its answers are undecided, as an untrained head's: on half of {len(known)} texts the"
            f" first label leads by {middle:.2f} or less ({MARGIN:g} is asked)"
        )
    return None


def _label(answer: Sequence[float]) -> int:
    return answer.index(max(answer))


def _margin(answer: Sequence[float]) -> float:
    second, first = sorted(answer)[-2:]
    return first - second


def _shift(before: Sequence[float], after: Answer) -> float:
    """The whole of a probability where there is no answer any more."""
    if after is None:
        return 1.0
    return max(abs(a - b) for a, b in zip(before, after, strict=True))

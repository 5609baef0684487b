"""Which version may have answered a request, when it was asked for and answered at those times.

Times are of one clock, in seconds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.figures import quantile, ratio

WINDOW = 1.0
"""Seconds after a switch was asked for in which its requests are compared with all others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request; `failure` is empty for status 200."""

    asked: float
    until: float
    failure: str = ""
    version: str = ""
    labels: frozenset[str] = frozenset()

    @property
    def seconds(self) -> float:
        return self.until - self.asked


@dataclass(frozen=True, slots=True)
class Switch:
    """The name was to be given to version `to`: `asked` for then, and said to be so at `done`."""

    how: str
    to: str
    asked: float
    done: float


@dataclass(frozen=True, slots=True)
class Stay:
    """`version` may answer from when it was asked for until the next was said to have come."""

    version: str
    first: float
    last: float


def stays(version: str, switches: Sequence[Switch]) -> list[Stay]:
    """Of `version`, that was there at the beginning, and of each that was switched to."""
    versions = [version, *(switch.to for switch in switches)]
    firsts = [float("-inf"), *(switch.asked for switch in switches)]
    lasts = [*(switch.done for switch in switches), float("inf")]
    return [Stay(*stay) for stay in zip(versions, firsts, lasts, strict=True)]


def is_right(answer: Answer, known: Sequence[Stay], labels: Mapping[str, frozenset[str]]) -> bool:
    """Say whether that version could answer then, and the labels are that version's."""
    timely = any(
        stay.version == answer.version and answer.until >= stay.first and answer.asked <= stay.last
        for stay in known
    )
    return timely and answer.labels == labels.get(answer.version)


def wrong(
    answers: Sequence[Answer], known: Sequence[Stay], labels: Mapping[str, frozenset[str]]
) -> list[Answer]:
    """The answers of a version that could not be, or with another's labels."""
    return [a for a in answers if not a.failure and not is_right(a, known, labels)]


def last_old(answers: Sequence[Answer], switch: Switch) -> float | None:
    """Seconds from asking for the switch to the last answer of another version; None without one.

    What was asked for when it was done counts for the next switch.
    """
    old = [
        a.until
        for a in answers
        if not a.failure
        and a.version != switch.to
        and switch.asked <= a.until
        and a.asked <= switch.done
    ]
    return max(old) - switch.asked if old else None


def tail_ratio(answers: Sequence[Answer], switches: Sequence[Switch]) -> float | None:
    """p99 of what was answered within a second of a switch ÷ p99 of all others."""
    near, far = list[float](), list[float]()
    for answer in answers:
        close = any(answer.until >= s.asked >= answer.asked - WINDOW for s in switches)
        (near if close else far).append(answer.seconds)
    return ratio(quantile(near, 0.99), quantile(far, 0.99)) if near and far else None


def failures(answers: Sequence[Answer]) -> dict[str, int]:
    """How often what went wrong."""
    return dict(Counter(answer.failure for answer in answers if answer.failure))

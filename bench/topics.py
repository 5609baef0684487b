"""What can be measured: topics, and the parts of each. A new topic is one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.report import Section
from bench.residency import cycles, decisions, journal, policies, refresh
from bench.setup import Setup

Part = Callable[[Setup], Section]


@dataclass(frozen=True, slots=True)
class Topic:
    """`parts` run in this order."""

    about: str
    parts: Mapping[str, Part]


TOPICS: Mapping[str, Topic] = {
    "residency": Topic(
        "which models are in memory: what that costs, and what it saves",
        {
            "policies": policies.run,
            "cycles": cycles.run,
            "refresh": refresh.run,
            "decisions": decisions.run,
            "journal": journal.run,
        },
    ),
}

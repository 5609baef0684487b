"""What can be measured: topics, and the parts of each. A new topic is one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.replicas import losing, routing
from bench.report import Section
from bench.residency import cycles, decisions, journal, policies, refresh
from bench.setup import Setup
from bench.speed import cached, cold, fleet, footprint, idle, overhead, serving, targets
from bench.swapping import swaps

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
    "swaps": Topic("versions swapped under traffic, and one that is refused", {"swaps": swaps.run}),
    "serving": Topic(
        "throughput and tail beside the raw loop, LitServe and plain BentoML",
        {"base": serving.base, "minilm": serving.mini},
    ),
    "cold": Topic("from not in memory to the first answer", {"cold": cold.run}),
    "cached": Topic("predictions made before, beside a bare FastAPI app", {"cached": cached.run}),
    "overhead": Topic("what HTTP and dispatch cost a single caller", {"overhead": overhead.run}),
    "memory": Topic("a model's memory beside transformers", {"memory": footprint.run}),
    "fleet": Topic("more models than room, beside functools.lru_cache", {"fleet": fleet.run}),
    "targets": Topic("the documented targets in full size", {"targets": targets.run}),
    "replicas": Topic(
        "three replicas behind HAProxy: routing by model, and one that goes away",
        {"routing": routing.run, "losing": losing.run},
    ),
    "idle": Topic("what models in memory cost when nobody asks", {"idle": idle.run}),
}

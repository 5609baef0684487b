"""What is counted of each model. Counters outlive the model's residency."""

from dataclasses import dataclass
from enum import Enum, auto

from models.views.performance import Performance


class Origin(Enum):
    """Where an answer comes from: inference for this request, or for another, or the cache."""

    COMPUTED = auto()
    JOINED = auto()
    CACHED = auto()


@dataclass(slots=True)
class Usage:
    """Counters of one model since the service started; times in seconds, `last_*` monotonic."""

    asked: int = 0
    answered: int = 0
    hits: int = 0
    misses: int = 0
    cached: int = 0
    joined: int = 0
    inference_seconds: float = 0.0
    loads: int = 0
    load_seconds: float = 0.0
    deaths: int = 0
    last_accessed: float | None = None
    last_load_seconds: float | None = None
    warmup_seconds: float | None = None
    warmed: bool = False
    longest: int = 0

    def ask(self, now: float, texts: int) -> None:
        self.asked += texts
        self.last_accessed = now

    def answer(self, *, hit: bool, seconds: float, origin: Origin = Origin.COMPUTED) -> None:
        """`seconds` in the runner, for what was computed."""
        self.answered += 1
        self.hits += hit
        self.misses += not hit
        self.cached += origin is Origin.CACHED
        self.joined += origin is Origin.JOINED
        self.inference_seconds += seconds

    def reads_longer(self, tokens: int) -> bool:
        """Is this the longest text since the load? Then the footprint may have grown."""
        longer = tokens > self.longest
        self.longest = max(self.longest, tokens)
        return longer

    def loaded(self, seconds: float) -> None:
        self.loads += 1
        self.load_seconds += seconds
        self.last_load_seconds = seconds
        self.longest = 0

    def removed(self, *, died: bool) -> None:
        self.warmed = False
        self.deaths += died

    def performance(self) -> Performance:
        computed = self.answered - self.cached - self.joined
        return Performance(
            predictions=self.answered,
            hits=self.hits,
            misses=self.misses,
            average_inference_seconds=self.inference_seconds / computed if computed else 0.0,
            loads=self.loads,
            load_seconds=self.load_seconds,
            cached=self.cached,
            joined=self.joined,
        )


def total(parts: list[Performance]) -> Performance:
    """All models together."""
    computed = sum(part.computed for part in parts)
    seconds = sum(part.average_inference_seconds * part.computed for part in parts)
    return Performance(
        predictions=sum(part.predictions for part in parts),
        hits=sum(part.hits for part in parts),
        misses=sum(part.misses for part in parts),
        average_inference_seconds=seconds / computed if computed else 0.0,
        loads=sum(part.loads for part in parts),
        load_seconds=sum(part.load_seconds for part in parts),
        cached=sum(part.cached for part in parts),
        joined=sum(part.joined for part in parts),
    )

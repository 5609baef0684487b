"""What has been counted since the start, of one model or of all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Performance:
    """Counters since start; seconds are sums unless named an average.

    Of the `predictions`, `cached` came from the prediction cache and `joined` shared another's
    inference; the average is over the others, that were `computed`.
    """

    predictions: int
    hits: int
    misses: int
    average_inference_seconds: float
    loads: int
    load_seconds: float
    cached: int = 0
    joined: int = 0

    @property
    def computed(self) -> int:
        return self.predictions - self.cached - self.joined

    @property
    def hit_rate(self) -> float:
        answered = self.hits + self.misses
        return self.hits / answered if answered else 0.0

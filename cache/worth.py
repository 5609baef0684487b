"""Whether it is worth it to keep what a scope is answered: by how often it is asked again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Worth:
    """When the results of a scope are worth their memory: at a hit rate of `rate` and above.

    It is judged after each `window` of lookups: a rate of 2 % in 2,000 is known to within 0.3
    percentage points. Below it, one digest in `sample` is still kept, so that a scope that begins
    to repeat itself is noticed. By time alone any rate would do: a lookup and the storing cost
    some 10 µs, an inference 4 ms and more. It is room that others could use better.
    """

    window: int = 2000
    rate: float = 0.02
    sample: int = 8


@dataclass(slots=True)
class Judged:
    """Where a scope stands in its window.

    Off, it still looks up and keeps a sample, chosen by digest so that what comes again is in
    the sample again: its hit rate is that of the whole, had the whole been kept.
    """

    worth: Worth
    on: bool = True
    lookups: int = 0
    hits: int = 0

    def takes(self, digest: bytes) -> bool:
        return self.on or digest[0] % self.worth.sample == 0

    def looked_up(self, *, hit: bool) -> None:
        self.lookups += 1
        self.hits += hit
        if self.lookups == self.worth.window:
            self.on = self.hits >= self.worth.rate * self.lookups
            self.lookups = self.hits = 0

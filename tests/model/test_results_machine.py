"""The results cache against a plain model of it: whatever is asked, in whatever order."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cache.results import ENTRY_BYTES, Results
from cache.worth import Worth

SCOPES = st.sampled_from("ab")
DIGESTS = st.sampled_from([bytes([number]) * 16 for number in range(6)])
CAPACITY = 4 * (ENTRY_BYTES + 16)
TTL = 3.0
WORTH = Worth(window=4, rate=0.5, sample=2)


@dataclass
class Kept:
    value: int
    put_at: float
    size: int


@dataclass
class Judged:
    """A scope: which one of its name it is, whether it is on, and what it found since judged."""

    life: int = 0
    on: bool = True
    found: tuple[bool, ...] = ()


class ResultsMachine(RuleBasedStateMachine):
    """Faults that it found when they were planted: what has expired or was dropped is found; to be
    looked up is no use (FIFO); entries are counted in place of bytes; what is too large is put; no
    sample is kept; a scope is judged by `>`, by counts that go on, never, or only once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.cache: Results[int] = Results(CAPACITY, TTL, lambda value: value % 10_000, WORTH)
        self.kept: OrderedDict[tuple[str, int, bytes], Kept] = OrderedDict()
        self.scopes: defaultdict[str, Judged] = defaultdict(Judged)
        self.puts = 0

    @rule(
        scope=SCOPES,
        digest=DIGESTS,
        size=st.integers(0, 1000) | st.just(ENTRY_BYTES + 16) | st.just(CAPACITY),
    )
    def put(self, scope: str, digest: bytes, size: int) -> None:
        self.puts += 1
        value = self.puts * 10_000 + size
        self.cache.put(scope, digest, value, self.now)

        key, total = (scope, self.scopes[scope].life, digest), ENTRY_BYTES + 16 + size
        if self.takes(scope, digest) and total <= CAPACITY:
            self.kept[key] = Kept(value, self.now, total)
            self.kept.move_to_end(key)
            while self.held() > CAPACITY:
                self.kept.popitem(last=False)

    @rule(scope=SCOPES, digest=DIGESTS)
    def get(self, scope: str, digest: bytes) -> None:
        about = self.scopes[scope]
        key, expected = (scope, about.life, digest), None
        if self.takes(scope, digest):
            kept = self.kept.get(key)
            if kept is not None and self.now < kept.put_at + TTL:
                self.kept.move_to_end(key)
                expected = kept.value
            elif kept is not None:
                del self.kept[key]
            about.found += (expected is not None,)
        if len(about.found) == WORTH.window:
            about.on, about.found = sum(about.found) * 2 >= WORTH.window, ()

        assert self.cache.get(scope, digest, self.now) == expected

    @rule(scope=SCOPES)
    def drop(self, scope: str) -> None:
        """A scope of that name that comes later is another one."""
        self.cache.drop(scope)
        self.scopes[scope] = Judged(life=self.scopes[scope].life + 1)

    @rule(seconds=st.sampled_from([0.5, 1.0, TTL]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_bytes_are_bounded_and_those_of_what_is_kept(self) -> None:
        figures = self.cache.figures()
        assert figures.bytes == self.held() <= CAPACITY
        assert figures.entries == len(self.kept)

    @invariant()
    def the_scopes_that_are_off_are_known(self) -> None:
        off = sum(not about.on for about in self.scopes.values())
        assert self.cache.figures().scopes_off == off

    def takes(self, scope: str, digest: bytes) -> bool:
        return self.scopes[scope].on or digest[0] % 2 == 0

    def held(self) -> int:
        return sum(kept.size for kept in self.kept.values())


TestResultsMachine = ResultsMachine.TestCase
TestResultsMachine.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)

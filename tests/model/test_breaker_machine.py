"""The circuit breaker against a list of what it was told."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cache.breaker import Breaker, Circuit

LIMIT = 3
REST = 5.0


class BreakerMachine(RuleBasedStateMachine):
    """Faults that it found when they were planted: it opens a failure late; a success between two
    failures is not heeded; two may try at once; a trial that says nothing blocks for ever; a failed
    trial closes it; after a trial it takes as many failures as before.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(LIMIT, REST)
        self.open_until: float | None = None
        self.trying = False
        self.in_a_row = 0

    @rule()
    def ask(self) -> None:
        allowed = self.open_until is None or self.now >= self.open_until
        assert self.breaker.allows(self.now) == allowed
        if allowed and self.open_until is not None:
            self.trying, self.open_until = True, self.now + REST

    @rule()
    def succeed(self) -> None:
        self.breaker.succeeded()
        self.in_a_row = LIMIT - 1 if self.open_until is not None else 0
        self.open_until, self.trying = None, False

    @rule()
    def fail(self) -> None:
        self.breaker.failed(self.now)
        self.in_a_row += 1
        if self.in_a_row >= LIMIT or self.open_until is not None:
            self.open_until, self.trying = self.now + REST, False

    @rule(seconds=st.sampled_from([0.5, 2.0, REST]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_circuit_and_the_wait_are_told(self) -> None:
        expected = Circuit.CLOSED
        if self.open_until is not None:
            expected = Circuit.HALF_OPEN if self.trying else Circuit.OPEN
        assert self.breaker.circuit() is expected
        left = 0.0 if self.open_until is None else max(0.0, self.open_until - self.now)
        assert self.breaker.wait(self.now) == left


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)

"""Whose turn it is: the pure decision, by examples and for whatever may happen."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.turns import MOST_CHARACTERS, MOST_TEXTS, Caller, Lane, Run, Turns, texts_a_run

_LANES = (1, 1, 4)
"""How many texts the lanes of the machine take together."""


def taken(turns: Turns[Caller]) -> list[str] | None:
    run = turns.next_run()
    return None if run is None else run.texts


def test_callers_take_turns_a_text_each() -> None:
    """Planted fault: going on with the same caller let him end first."""
    turns, lane = Turns[Caller](runs=4), Lane()
    for texts in (["a1", "a2", "a3"], ["b1"], ["c1", "c2"]):
        turns.join(Caller(lane, texts))
    runs = []
    while run := turns.next_run():
        runs += run.texts
        turns.end(run)

    assert runs == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_texts_are_sent_together_up_to_a_number() -> None:
    turns, lane = Turns[Caller](runs=1), Lane(MOST_TEXTS)
    turns.join(Caller(lane, ["x"] * (MOST_TEXTS + 1)))

    run = turns.next_run()

    assert run is not None
    assert len(run.texts) == MOST_TEXTS


def test_texts_are_sent_together_up_to_so_many_characters_in_order_of_arrival() -> None:
    """The short one behind the long one does not overtake it: nobody starves.

    Planted fault: leaving out only what did not fit sent the short one first.
    """
    turns, lane = Turns[Caller](runs=1), Lane(MOST_TEXTS)
    long = "x" * (MOST_CHARACTERS // 2 + 1)
    for text in (long, long, "short"):
        turns.join(Caller(lane, [text]))

    assert taken(turns) == [long]


def test_a_text_that_is_longer_than_that_goes_by_itself() -> None:
    """Planted fault: applying the bound to the first text, too, let it wait for ever."""
    turns, lane = Turns[Caller](runs=1), Lane(MOST_TEXTS)
    turns.join(Caller(lane, ["x" * (MOST_CHARACTERS + 1), "short"]))

    run = turns.next_run()

    assert run is not None
    assert [len(text) for text in run.texts] == [MOST_CHARACTERS + 1]


def test_several_free_cores_share_what_waits() -> None:
    """Planted fault: without the division the second core had nothing to do."""
    turns, lane = Turns[Caller](runs=2), Lane(MOST_TEXTS)
    turns.join(Caller(lane, list("abcde")))

    assert [taken(turns), taken(turns)] == [["a", "b", "c"], ["d", "e"]]


def inside_at_once(seconds: float | None, runs: int = 2) -> int:
    """How many texts of a hundred a runner is sent that took `seconds` for the first."""
    turns, lane = Turns[Caller](runs, ahead=0.01), Lane()
    turns.join(Caller(lane, ["x"]))
    first = turns.next_run()
    assert first is not None
    turns.end(first, seconds)
    turns.join(Caller(lane, ["x"] * 100))
    while turns.next_run():
        pass
    return lane.inside


def test_a_runner_has_work_for_so_many_seconds_ahead() -> None:
    """Two cores do two texts of 4 ms in 4 ms: five are work for 10 ms.

    Planted faults: one at a time as before; the cores not counted.
    """
    assert inside_at_once(0.004) == 2 + 5
    assert inside_at_once(0.004, runs=4) == 4 + 10


def test_a_slow_model_has_one_text_for_two_cores_ahead_and_a_quick_one_four_for_each() -> None:
    """Who comes alone should not wait long behind them. Planted faults: no bounds."""
    assert inside_at_once(2.0) == 2 + 1
    assert inside_at_once(2.0, runs=8) == 8 + 4
    assert inside_at_once(0.0) == 2 + 8
    assert inside_at_once(0.00001) == 2 + 8


def test_what_is_not_known_is_taken_for_slow() -> None:
    assert inside_at_once(None) == 2 + 1


def test_one_run_that_took_long_does_not_decide_alone() -> None:
    """Planted fault: the last run's time taken for all."""
    turns, lane = Turns[Caller](runs=1, ahead=0.01), Lane()
    for seconds in (0.004, 0.004, 0.016):
        turns.join(Caller(lane, ["x"]))
        run = turns.next_run()
        assert run is not None
        turns.end(run, seconds)

    assert lane.seconds == 0.007


def test_batches_are_for_gpus_unless_the_setting_says_otherwise() -> None:
    many = {
        (setting, device): texts_a_run(setting, device, batch_proof=True) > 1
        for setting in ("auto", "single", "batch")
        for device in ("cpu", "cuda:1")
    }

    assert [which for which, batched in many.items() if batched] == [
        ("auto", "cuda:1"),
        ("batch", "cpu"),
        ("batch", "cuda:1"),
    ]


@given(st.sampled_from(("auto", "single", "batch")), st.sampled_from(("cpu", "cuda:0")))
def test_what_a_neighbour_would_move_is_never_batched(setting: str, device: str) -> None:
    assert texts_a_run(setting, device, batch_proof=False) == 1


class TurnsMachine(RuleBasedStateMachine):
    """Two cores, work for 10 ms ahead; two lanes for single texts and one for fours."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: Turns[Caller] = Turns(2, ahead=0.01)
        self.lanes = [Lane(most) for most in _LANES]
        self.callers: list[Caller] = []
        self.under_way: list[Run[Caller]] = []
        self.sent: Counter[tuple[Caller, int]] = Counter()

    @rule(
        lane=st.integers(0, len(_LANES) - 1),
        lengths=st.lists(st.sampled_from((1, MOST_CHARACTERS)), min_size=1, max_size=6),
        alone=st.booleans(),
    )
    def join(self, lane: int, lengths: list[int], alone: bool) -> None:
        caller = Caller(self.lanes[lane], ["x" * length for length in lengths], alone)
        self.callers.append(caller)
        self.turns.join(caller)

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.turns.leave(data.draw(st.sampled_from(self.callers)))

    @rule()
    def send(self) -> None:
        while (run := self.turns.next_run()) is not None:
            self.under_way.append(run)
            self.sent.update(run.picks)
            self.check(run)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), seconds=st.sampled_from((None, 0.0, 0.001, 0.01, 1.0)))
    def end(self, data: st.DataObject, seconds: float | None) -> None:
        run = data.draw(st.sampled_from(self.under_way))
        self.under_way.remove(run)
        self.turns.end(run, seconds)

    def check(self, run: Run[Caller]) -> None:
        """Of a run that was just begun."""
        assert {caller.lane for caller, _ in run.picks} == {run.lane}
        assert len(run.picks) <= run.lane.most
        beside = [other for other in self.under_way if other.lane is run.lane]
        if any(caller.alone for other in beside for caller, _ in other.picks):
            assert len(beside) == len(run.picks) == 1

    @invariant()
    def no_text_is_sent_twice(self) -> None:
        assert set(self.sent.values()) <= {1}

    @invariant()
    def no_more_cores_work_than_there_are(self) -> None:
        inside = Counter(run.lane for run in self.under_way)
        assert sum(min(runs, 2) for runs in inside.values()) <= 2
        assert max(inside.values(), default=0) <= 2 + 8

    @invariant()
    def what_waits_is_counted(self) -> None:
        waiting = Counter(lane for lane in self.lanes for _ in range(lane.unsent))
        expected = Counter(caller.lane for caller in self.callers for _ in caller.unsent)
        assert waiting == expected

    def teardown(self) -> None:
        """Whoever has not left has all of his texts sent in the end: none is forgotten."""
        self.send()
        while self.under_way:
            self.turns.end(self.under_way.pop())
            self.send()
        assert not any(caller.unsent for caller in self.callers)


TestTurns = TurnsMachine.TestCase

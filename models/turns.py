"""Whose texts are sent next, and which of them together. Pure: nothing here waits.

Callers take turns, a text each: who asks for a thousand holds up nobody who asks for one. Turns
begin in the order in which the callers came.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Generic, TypeVar

MOST_TEXTS = 64
"""Texts a run may have, where they are sent together."""

MOST_CHARACTERS = 1 << 16
"""Characters they may have together, as a measure of tokens; a single text may have more."""


@dataclass(eq=False, slots=True)
class Lane:
    """The way to one runner, on which `most` texts may be sent together.

    `inside` counts the runs under way, which take about `seconds` each, None where none has ended
    yet. `alone` is set while the one inside wants no other beside it. `unsent` counts the texts
    that wait.
    """

    most: int = 1
    inside: int = 0
    seconds: float | None = None
    alone: bool = False
    unsent: int = 0


@dataclass(eq=False, slots=True)
class Caller:
    """Who asks for `texts`; `unsent` has the places of those that still wait.

    A caller's texts go `alone` if they are suspected of killing runners.
    """

    lane: Lane
    texts: Sequence[str]
    alone: bool = False
    unsent: deque[int] = field(init=False)

    def __post_init__(self) -> None:
        self.unsent = deque(range(len(self.texts)))


C = TypeVar("C", bound=Caller)


@dataclass(frozen=True, slots=True)
class Run(Generic[C]):
    """What is sent together: whose text, and its place among his.

    `behind` says that the runner has to end another before it begins this one.
    """

    lane: Lane
    picks: Sequence[tuple[C, int]]
    behind: bool

    @property
    def texts(self) -> list[str]:
        return [caller.texts[place] for caller, place in self.picks]


class Turns(Generic[C]):
    """For lanes that share the same cores: at most `runs` are worked on at once.

    A runner that has all of them may be sent work for `ahead` seconds more, which waits in its
    socket: otherwise a core waits between two texts until the event loop comes to it. With runs
    of 4 ms, two cores were busy for 0.77 of the time without and 0.86 with one more, eight for
    0.71 and, with four more, 0.90.
    """

    def __init__(self, runs: int, *, ahead: float = 0.0) -> None:
        self._runs = runs
        self._ahead = ahead
        self._working = 0
        self._callers: deque[C] = deque()

    def join(self, caller: C) -> None:
        caller.lane.unsent += len(caller.unsent)
        self._callers.append(caller)

    def leave(self, caller: C) -> None:
        """Take back what is not sent yet; may be called at any time, and again."""
        caller.lane.unsent -= len(caller.unsent)
        caller.unsent.clear()

    def next_run(self) -> Run[C] | None:
        """What is to be sent now, and under way until `end`; None when all have to wait."""
        passed: list[C] = []
        waits: set[int] = set()
        run = None
        while run is None and self._callers:
            caller = self._callers.popleft()
            lane = caller.lane
            if not caller.unsent:
                continue
            if lane.alone or (caller.alone and lane.inside) or id(lane) in waits:
                waits.add(id(lane))
                passed.append(caller)
                continue
            self._callers.appendleft(caller)
            if not self._has_room(lane):
                break
            run = self._begin(caller)
        self._callers.extendleft(reversed(passed))
        return run

    def end(self, run: Run[C], seconds: float | None = None) -> None:
        """`seconds` were spent on it in the runner, if that is known."""
        lane = run.lane
        if seconds is not None:
            lane.seconds = seconds if lane.seconds is None else (3 * lane.seconds + seconds) / 4
        lane.inside -= 1
        lane.alone = False
        if lane.inside < self._runs:
            self._working -= 1

    def _has_room(self, lane: Lane) -> bool:
        if lane.inside < self._runs:
            return self._working < self._runs
        return lane.most == 1 and lane.inside < self._runs + self._ahead_of(lane)

    def _ahead_of(self, lane: Lane) -> int:
        """How many runs: at least one for two cores, at most four for one."""
        if not self._ahead:
            return 0
        least, most = max(1, self._runs // 2), 4 * self._runs
        if lane.seconds is None:
            return least
        wanted = self._ahead * self._runs / lane.seconds if lane.seconds else most
        return max(least, ceil(min(wanted, most)))

    def _begin(self, first: C) -> Run[C]:
        lane = first.lane
        picks = self._pick(lane)
        behind = lane.inside >= self._runs
        if not behind:
            self._working += 1
        lane.inside += 1
        lane.alone = first.alone
        lane.unsent -= len(picks)
        return Run(lane, picks, behind)

    def _pick(self, lane: Lane) -> list[tuple[C, int]]:
        """From the callers of `lane` in turn, beginning with the first, whose it is."""
        picks: list[tuple[C, int]] = []
        passed: list[C] = []
        most, characters = self._share(lane), 0
        while self._callers and len(picks) < most:
            caller = self._callers.popleft()
            if caller.lane is not lane:
                passed.append(caller)
                continue
            if not caller.unsent:
                continue
            characters += len(caller.texts[caller.unsent[0]])
            if picks and (caller.alone or characters > MOST_CHARACTERS):
                passed.append(caller)
                break
            picks.append((caller, caller.unsent.popleft()))
            if caller.unsent:
                self._callers.append(caller)
            if caller.alone:
                break
        self._callers.extendleft(reversed(passed))
        return picks

    def _share(self, lane: Lane) -> int:
        """All that waits, up to the bound; where several runs are free, a like part for each."""
        free = max(self._runs - self._working, 1)
        return min(lane.most, -(-lane.unsent // free))


def texts_a_run(setting: str, device: str, *, batch_proof: bool) -> int:
    """How many texts a runner may be sent together, by the setting `dispatch`.

    Never more than one where a neighbour in the batch could move the answer. Otherwise "auto"
    sends batches to a GPU and single texts to a CPU, as either is fastest at.
    """
    batches = setting == "batch" or (setting == "auto" and device != "cpu")
    return MOST_TEXTS if batches and batch_proof else 1

"""A limit on the time that a request may take."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from models.alarms import Alarm, Alarms
from models.errors import DeadlineExceeded
from models.interruption import Interruption


class Deadlines:
    """Of `seconds` each; who exceeds one is told `message`."""

    def __init__(self, seconds: float, message: str = "") -> None:
        self._message = message or f"no answer within {seconds:g} s; try again later"
        self._alarms = Alarms(seconds)

    def deadline(self) -> "Deadline":
        """It begins with its context."""
        return Deadline(self._alarms, self._exceeded)

    def _exceeded(self) -> DeadlineExceeded:
        return DeadlineExceeded(self._message)


class Deadline(Interruption):
    """A context; raises DeadlineExceeded when its body takes too long. Made by `Deadlines`."""

    def __init__(self, alarms: Alarms, exceeded: Callable[[], DeadlineExceeded]) -> None:
        super().__init__(exceeded)
        self._alarms = alarms
        self._alarm: Alarm | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        self._alarm = self._alarms.set(self.interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None  # it knows this deadline: together they would be garbage
        super().__exit__(kind, error, trace)

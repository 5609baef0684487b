"""The real clock, and how its readings are shown to people."""

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """Monotonic seconds; `utc` tells which wall-clock time a reading stood for."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self, at: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=time.monotonic() - at)

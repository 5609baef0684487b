"""What has happened lately, kept in memory for whoever asks or follows."""

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator
from datetime import datetime
from functools import partial
from itertools import islice

from cache import events
from cache.errors import TooManyWaiting
from models.clock import SystemClock
from models.port import Happening, Predicted, RefreshFailed, WarmedUp
from models.views.event import EventView

CAPACITY = 1000
MAX_FOLLOWERS = 64
AT_ONCE = 50
MAX_ERROR_CHARS = 500
RETRY_SECONDS = 5.0


class Follower:
    """A reader of the chronicle: `position` is the id of what it was given last."""

    def __init__(self, position: int) -> None:
        self.position = position


class Chronicle:
    """A bounded journal of events, an observer of them. Ids count from 1.

    All followers read the one journal, each at its own position: none can make it wait or grow.
    One who is overtaken by what is thrown away is ended.
    """

    def __init__(
        self,
        clock: SystemClock,
        capacity: int = CAPACITY,
        *,
        max_followers: int = MAX_FOLLOWERS,
    ) -> None:
        self._clock = clock
        self._kept: deque[EventView] = deque(maxlen=capacity)
        self._last_id = 0
        self._max_followers = max_followers
        self._followers: weakref.WeakSet[Follower] = weakref.WeakSet()
        self._news = asyncio.Event()
        self._closed = False

    def __call__(self, event: Happening, /) -> None:
        if isinstance(event, Predicted | WarmedUp):
            return
        self._last_id += 1
        self._kept.append(view_of(event, self._last_id, self._clock.utc(event.at)))
        self._wake()

    @property
    def followers(self) -> int:
        """How many follow now."""
        return len(self._followers)

    def since(self, after: int, limit: int) -> tuple[EventView, ...]:
        """The newest `limit` of the events that are kept and have an id above `after`, in order."""
        return tuple(islice(self._kept, max(self._place(after), len(self._kept) - limit), None))

    def follow(self, after: int) -> AsyncGenerator[EventView, None]:
        """The events kept with an id above `after`, then each as it happens, until `close`.

        Raises TooManyWaiting at once when as many follow as are allowed. A follower counts until
        its generator has ended or is gone, started or not.
        """
        if self.followers >= self._max_followers:
            raise TooManyWaiting(
                f"{self._max_followers} readers follow the events already: try again later, or "
                "ask for a list of them",
                retry_after=RETRY_SECONDS,
            )
        follower = Follower(max(after, self._last_id - len(self._kept)))
        self._followers.add(follower)
        return self._told(follower)

    def close(self) -> None:
        """End all who follow, once they have what is kept; what happens is noted as before."""
        self._closed = True
        self._wake()

    async def _told(self, follower: Follower) -> AsyncGenerator[EventView, None]:
        try:
            while self._is_kept_for(follower):
                start, news = self._place(follower.position), self._news
                for view in tuple(islice(self._kept, start, start + AT_ONCE)):
                    follower.position = view.id
                    yield view
                if follower.position >= self._last_id:
                    if self._closed:
                        return
                    await news.wait()
        finally:
            self._followers.discard(follower)

    def _is_kept_for(self, follower: Follower) -> bool:
        return self._last_id - follower.position <= len(self._kept)

    def _place(self, after: int) -> int:
        """Where in what is kept the ids above `after` begin."""
        oldest = self._last_id - len(self._kept) + 1
        return min(max(0, after + 1 - oldest), len(self._kept))

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def view_of(event: events.Event | RefreshFailed, number: int, at: datetime) -> EventView:
    """Show an event that happened `at`, under the id `number`."""
    shown = partial(EventView, number, at)
    match event:
        case events.LoadStarted(key=key):
            view = shown("load_started", key, size=event.reserved)
        case events.LoadFinished(key=key):
            view = shown("load_finished", key, size=event.footprint, seconds=event.seconds)
        case events.LoadFailed(key=key):
            view = shown("load_failed", key, seconds=event.quarantine, error=_bounded(event.error))
        case events.Draining(key=key):
            view = shown(
                "draining",
                key,
                event.cause.value,
                event.room_for,
                seconds=event.idle,
                priority=event.priority,
                score=event.score,
            )
        case events.Removed(key=key):
            view = shown("removed", key, event.cause.value, event.room_for, event.freed)
        case events.Refreshed(key=key):
            view = shown("refreshed", key)
        case RefreshFailed(model=model):
            view = shown("refresh_failed", model, error=_bounded(event.error))
    return view


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_ERROR_CHARS else f"{text[:MAX_ERROR_CHARS]}…"

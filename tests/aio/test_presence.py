"""Work goes on while its client is there, and nobody looks after work that never waits."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from api.presence import while_present
from api.problems import ClientLeft
from models.alarms import Alarms
from tests.fakes import settle


class Line:
    """A connection; `hang_up` closes it. Counts how often somebody listens."""

    def __init__(self) -> None:
        self.listened = 0
        self.heard = asyncio.Event()
        self._closed = asyncio.Event()
        self.request = Request({"type": "http"}, self._receive)

    def hang_up(self) -> None:
        self._closed.set()

    async def _receive(self) -> Message:
        self.listened += 1
        self.heard.set()
        await self._closed.wait()
        return {"type": "http.disconnect"}


async def test_brief_work_is_not_watched() -> None:
    """A task costs more than a cached answer. Planted fault: the task made at once."""
    line, tasks, unwatched = Line(), len(asyncio.all_tasks()), Alarms(60.0)

    async def brief() -> int:
        await settle()
        return len(asyncio.all_tasks())

    assert await while_present(line.request, brief(), unwatched) == tasks
    await settle()
    assert line.listened == 0
    assert len(unwatched) == 0


async def test_who_left_before_anybody_looked_is_seen_to_have_left() -> None:
    """Planted fault: nobody begins to watch."""
    line = Line()
    line.hang_up()

    with pytest.raises(ClientLeft):
        await asyncio.wait_for(
            while_present(line.request, asyncio.Event().wait(), Alarms(0.001)), 10
        )


async def test_who_is_not_given_any_time_is_watched_at_once() -> None:
    """Planted fault: without alarms nobody watches."""
    line = Line()
    working = asyncio.create_task(while_present(line.request, asyncio.Event().wait()))
    await settle()
    assert line.listened == 1
    line.hang_up()

    with pytest.raises(ClientLeft):
        await asyncio.wait_for(working, 10)


async def test_work_that_waits_is_called_off_when_the_client_leaves() -> None:
    """Planted fault: nobody begins to watch."""
    line, called_off = Line(), asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            called_off.set()

    working = asyncio.create_task(while_present(line.request, slow(), Alarms(0.001)))
    await asyncio.wait_for(line.heard.wait(), 10)
    line.hang_up()
    with pytest.raises(ClientLeft):
        await asyncio.wait_for(working, 10)

    assert called_off.is_set()


async def test_a_cancellation_from_elsewhere_is_none_of_the_clients() -> None:
    """Planted fault: every cancellation taken for the client's."""
    line = Line()
    working = asyncio.create_task(while_present(line.request, asyncio.Event().wait()))
    await settle()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(working, 10)


async def test_nobody_listens_after_the_answer() -> None:
    """Else each request would leave a task until its connection closes. Planted: no cancel."""
    line, gate, tasks = Line(), asyncio.Event(), asyncio.all_tasks()
    working = asyncio.create_task(while_present(line.request, gate.wait()))
    await asyncio.wait_for(line.heard.wait(), 10)
    gate.set()
    await working
    await settle()

    assert line.listened == 1
    assert asyncio.all_tasks() == tasks

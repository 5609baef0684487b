"""Work in the background has an owner, who hears of its failure."""

import asyncio
from typing import Any

import pytest

from models.background import Background
from tests.fakes import settle


@pytest.fixture
async def reported() -> list[BaseException]:
    """The failures that the loop was told of."""
    failures: list[BaseException] = []

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        failures.append(context["exception"])

    asyncio.get_running_loop().set_exception_handler(report)
    return failures


async def fail() -> None:
    raise OSError("no descriptor left")


async def test_a_failure_of_what_has_to_go_on_is_reported_and_kept(
    reported: list[BaseException],
) -> None:
    """Who asks for readiness sees it."""
    background = Background()

    background.start(fail())
    await settle()

    assert isinstance(background.fault, OSError)
    assert reported == [background.fault]


async def test_a_failed_attempt_is_reported_and_forgotten(reported: list[BaseException]) -> None:
    """Fault planted: every failure was kept, so that one failed measurement ended readiness."""
    background = Background()

    background.attempt(fail())
    await settle()

    assert background.fault is None
    assert [str(error) for error in reported] == ["no descriptor left"]


async def test_closing_ends_what_runs_and_waits_until_it_has_cleaned_up() -> None:
    """A task that takes a while to end is not left behind."""
    background, cleaned = Background(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await settle()
            cleaned.set()

    background.attempt(work())
    await settle()
    await background.aclose()

    assert cleaned.is_set()
    assert background.fault is None


async def test_after_closing_nothing_is_begun() -> None:
    """Fault planted: a task begun after the end had no owner and outlived the service."""
    background, begun = Background(), asyncio.Event()

    async def work() -> None:
        begun.set()

    await background.aclose()
    background.start(work())
    background.attempt(work())
    await settle()

    assert not begun.is_set()

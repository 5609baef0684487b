"""The thread of the event loop leaves the cores to those who compute."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.lifecycle import unhurried


def in_a_thread(work: Callable[[], int]) -> int:
    """Threads keep how they are scheduled, and this one must not."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def policy() -> int:
    return os.sched_getscheduler(0)


def test_the_thread_is_scheduled_as_a_batch_process() -> None:
    """Planted fault: the policy is not set."""

    def within() -> int:
        with unhurried():
            return policy()

    assert in_a_thread(within) == os.SCHED_BATCH


def test_it_is_as_before_afterwards() -> None:
    def after() -> int:
        with unhurried():
            pass
        return policy()

    assert in_a_thread(after) == os.SCHED_OTHER


def test_where_the_system_forbids_it_the_service_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers may. Planted fault: the error is raised."""

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    with unhurried():
        assert policy() == os.SCHED_OTHER

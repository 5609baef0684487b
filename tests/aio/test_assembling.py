"""What only the way in which the parts are put together decides."""

from collections.abc import Collection

import pytest

from models import memory
from tests.houses import house


async def test_a_clean_up_goes_by_what_is_free_when_it_begins() -> None:
    """Fault planted: nothing is measured before a sweep."""
    home = house("mine", enable_auto_scaling=True)
    async with home.open() as serving:
        await serving.load("shipped")
        await serving.load("mine")
        home.free = 350

        report = await serving.cleanup()

    assert (report.unloaded, report.reason) == (("shipped",), "memory_threshold_exceeded")


async def test_the_memory_of_runners_is_measured_by_the_residents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fork server need not have them as children. Fault planted: it alone is asked."""
    asked_of: list[Collection[int]] = []

    def measure(
        root: int, servers: Collection[int], residents: Collection[int]
    ) -> tuple[int, int, int]:
        asked_of.append(residents)
        return 0, 0, 0

    monkeypatch.setattr(memory, "measure_tree", measure)
    home = house()
    async with home.open() as serving:
        await serving.load("shipped")
        home.clock.advance(60)
        await serving.system()

        assert [*asked_of[0], *asked_of[-1]] == [home.runner.pid]

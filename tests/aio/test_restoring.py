"""What was in use before the last stop comes back behind all else."""

import logging
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelLoadFailed
from models.journal import Access, AccessJournal, History, LoadFigures, read_history
from tests.fakes import until
from tests.fakes_serving import FakeSystemClock, House
from tests.houses import attempts, house, model, states


def history(*accesses: str, seconds: float = 1.0) -> History:
    """So many accesses; of each model one load is known, of 100 bytes."""
    return History(
        tuple(Access(float(at), name) for at, name in enumerate(accesses)),
        {name: LoadFigures(seconds, 100, 1) for name in accesses},
    )


async def restored(*models: str, **settings: Any) -> House:
    """A house that was opened, has restored what it does, and is closed again."""
    home = house(*models, **settings)
    async with home.open():
        await done(home)
    return home


async def done(home: House) -> None:
    """Return when the service is ready, and has restored what it does."""
    await until(lambda: home.serving.ready)
    await attempts(home)


async def test_the_most_valuable_come_first() -> None:
    """By accesses and by the seconds that a load of them takes."""
    past = history("a", "b", "b", "c", "c", "c")

    home = await restored("a", "b", "c", history=past)

    assert home.loader.orders == ["c:v1", "b:v1", "a:v1"]


async def test_what_is_restored_is_the_newest_version() -> None:
    """The journal has names, and the version that was used may be gone."""
    home = await restored("mine:v1", "mine:v2", history=history("mine"))

    assert home.loader.orders == ["mine:v2"]


async def test_no_more_is_restored_than_is_comfortable() -> None:
    """Fault planted: the hard budget was filled, and the janitor evicted what had come."""
    home = await restored("a", "b", "c", history=history("a", "b", "c"), memory_threshold=0.25)

    assert len(home.loader.orders) == 2


async def test_a_smaller_one_that_still_fits_is_restored_after_one_that_does_not() -> None:
    home = house("small", history=history("small", "big", "big"))
    home.store.models.append(model("big", size=900))
    async with home.open():
        await done(home)

        assert states(home) == {"small:v1": "resident"}


@pytest.mark.parametrize("scarce", [{"limit": 300}, {"max_models": 2}], ids=["bytes", "places"])
async def test_nobody_is_evicted_for_what_is_restored(scarce: dict[str, Any]) -> None:
    """What was loaded meanwhile stays."""
    home = house("mine", "other", history=history("mine"), memory_threshold=0.8, **scarce)

    async def prepare() -> None:
        await home.serving.load("shipped")
        await home.serving.load("other")

    await home.directory.refresh()
    await home.serving.start(prepare)
    home.clock.advance(60)
    await done(home)

    assert states(home) == {"shipped:v1": "resident", "other:v1": "resident"}
    await home.serving.aclose()


@pytest.mark.parametrize("error", [ModelLoadFailed("damaged"), OSError("no descriptor")])
async def test_what_is_gone_or_fails_is_passed_over(error: Exception) -> None:
    """Fault found: a fork that failed ended the restoring of all that came after."""
    home = house("a", "b", history=history("b", "a", "a", "gone", "gone", "gone", "../x"))
    home.loader.errors["a:v1"] = error
    async with home.open():
        await done(home)

        assert states(home) == {"b:v1": "resident"}
        assert home.loader.orders == ["a:v1", "b:v1"]


async def test_what_is_there_already_is_not_touched(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "models.restoring"):
        home = house("mine", history=history("mine", "shipped"))
        await home.directory.refresh()
        await home.serving.start(lambda: home.serving.load("mine"))
        await done(home)

    assert home.loader.orders == ["mine:v1", "shipped:v1"]
    assert "restored from the access journal: shipped" in caplog.text
    await home.serving.aclose()


async def test_nothing_is_restored_where_that_is_turned_off() -> None:
    home = await restored("mine", history=history("mine"), restore_working_set=False)

    assert home.loader.orders == []
    assert home.journal.history == History()


async def test_the_service_is_ready_before_it_has_restored() -> None:
    """Whoever asks is served meanwhile, and joins what loads."""
    home = house("mine", history=history("mine"))
    gate = home.loader.hold("mine:v1")
    async with home.open() as serving:
        await until(lambda: serving.ready)
        asked = home.begin(serving.predict("x", "mine"))
        await home.loader.begins("mine:v1")
        gate.set()

        assert (await asked).label == "a"
        await attempts(home)
        assert home.loader.orders == ["mine:v1"]


async def test_the_history_is_forgotten_when_it_has_been_used() -> None:
    """It can be hundreds of thousands of accesses."""
    home = await restored("mine", history=history("mine"))

    assert home.journal.history == History()


async def test_accesses_and_loads_are_written_by_name(tmp_path: Path) -> None:
    """A batch is one access. A warm-up is none, and its load is a load."""
    clock = FakeSystemClock()
    journal = await AccessJournal.open(tmp_path / "accesses.sqlite3", clock)
    home = house("mine:v1", journal=journal, warmup_requests=1)
    async with home.open() as serving:
        await serving.predict("x", "mine:v1")
        await serving.predict_batch(["x", "y"], "mine")
        await serving.warmup("shipped")

    written = read_history(tmp_path / "accesses.sqlite3")

    assert [access.model for access in written.accesses] == ["mine", "mine"]
    assert written.loads == {
        "mine": LoadFigures(2.0, 100, 1),
        "shipped": LoadFigures(2.0, 100, 1),
    }

"""What is held against a version is held after a restart, too."""

import asyncio
from collections.abc import Callable
from math import nan
from pathlib import Path

import pytest

from models.errors import ModelLoadFailed
from models.setbacks import Setbacks
from models.setbacks_file import SetbacksFile, read_setbacks
from tests.fakes import settle
from tests.fakes_serving import FakeSystemClock, House
from tests.houses import CATALOGUE, TTL, attempts, champion, delete, model, refresh, register, use


def home(file: Path, *models: str) -> House:
    """As after a start: it knows what is in the file, and nothing else of before."""
    clock = FakeSystemClock()
    setbacks = Setbacks(read_setbacks(file, clock))
    made = House(
        CATALOGUE,
        model("shipped"),
        *(model(name, minute=minute) for minute, name in enumerate(models, 2)),
        default_model="listed",
        cache_ttl=TTL,
        churn_guard=0.0,
        setbacks=setbacks,
        beside=[SetbacksFile(file, setbacks, clock).run],
    )
    made.loader.answers["v2"] = (nan, nan)
    return made


async def failed(file: Path, fault: str = "canary") -> None:
    """A service in which version 2 has failed, and that has ended."""
    before = home(file, "mine:v1")
    if fault == "load":
        before.loader.errors["mine:v2"] = ModelLoadFailed("damaged")
    async with before.open():
        await use(before)
        await register(before, "mine:v2", noticed=True)
        await attempts(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "setbacks.json"


@pytest.mark.parametrize("fault", ["canary", "load"])
async def test_a_version_that_failed_is_not_loaded_after_a_restart(file: Path, fault: str) -> None:
    """Fault found: whoever asked first got the version that had failed its canary."""
    await failed(file, fault)
    after = home(file, "mine:v1", "mine:v2")
    async with after.open() as serving:
        answer = await serving.predict("x", "mine")
        shown = {one.version: one for one in (await serving.versions("mine")).versions}

    assert (answer.version, after.loader.orders) == ("v1", ["mine:v1"])
    assert shown["v2"].setback is not None
    assert shown["v2"].setback.held


async def test_what_failed_its_canary_is_not_tried_again_by_itself_after_a_restart(
    file: Path,
) -> None:
    await failed(file)
    after = home(file, "mine:v1", "mine:v2")
    async with after.open() as serving:
        await use(after)
        await refresh(after)
        assert (await serving.predict("x", "mine")).version == "v1"

    assert after.loader.orders == ["mine:v1"]


async def test_a_champion_that_failed_is_not_loaded_after_a_restart(file: Path) -> None:
    before = home(file, "mine:v1", "mine:v2", "mine:v3")
    async with before.open():
        await use(before)
        assert await champion(before, "v2") == "failed"
        await attempts(before)
    after = home(file, "mine:v1", "mine:v2", "mine:v3")
    after.store.named = before.store.named
    async with after.open() as serving:
        assert (await serving.predict("x", "mine")).version == "v3"


async def _load(home: House) -> None:
    del home.loader.answers["v2"]
    await home.serving.load("mine:v2")


async def _name(home: House) -> None:
    del home.loader.answers["v2"]
    await champion(home, "v2")


@pytest.mark.parametrize("forgive", [_load, _name])
async def test_what_is_forgiven_is_forgotten_over_a_restart(
    file: Path, forgive: "Callable[[House], asyncio.Future[None]]"
) -> None:
    await failed(file)
    between = home(file, "mine:v1", "mine:v2")
    async with between.open():
        await use(between)
        await forgive(between)
        await attempts(between)
        await settle()

    assert read_setbacks(file, FakeSystemClock()) == {}


async def test_where_the_one_that_kept_its_place_is_gone_the_name_means_what_it_did(
    file: Path,
) -> None:
    """The only one there is. Its answers are refused one by one."""
    await failed(file)
    after = home(file, "mine:v1", "mine:v2")
    del after.loader.answers["v2"]
    async with after.open() as serving:
        await delete(after, "mine:v1")
        assert (await serving.predict("x", "mine")).version == "v2"


async def test_a_file_that_cannot_be_written_costs_nothing_but_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kept").write_text("no folder", encoding="utf-8")
    await failed(tmp_path / "kept" / "setbacks.json")

    assert "what is held against versions is not kept" in caplog.text

"""Entries that are half written break no request, while the store is watched.

The files are real; they are copied in one after another, as by another process or machine, and the
store is listed after each step.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.catalogue import Catalogue, ModelRef
from models.directory import Directory
from models.errors import ModelNotFound
from models.listing import Change
from models.spec import StoredModel
from models.store import ModelStore
from tests.contract.stores import add
from tests.fakes import FakeClock

MINE = ModelRef("mine")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def newer(store: ModelStore, folder: Path, name: str = "mine") -> Path:
    """A whole entry of a version 2 that is in no store yet."""
    made = add(ModelStore(folder / "elsewhere"), name, "2", b"weights")
    assert made.created_at < datetime.now(UTC)
    return made.path


def steps(source: Path, order: tuple[str, ...]) -> "list[str]":
    """What to copy, a half of each file and then the whole of it."""
    names = [*order, *(one.name for one in sorted(source.iterdir()) if one.name not in order)]
    return [half for name in names for half in (f"{name}/half", name)]


def copy(step: str, source: Path, target: Path) -> None:
    name, _, half = step.partition("/")
    data = (source / name).read_bytes()
    (target / name).write_bytes(data[: len(data) // 2] if half else data)


@pytest.mark.parametrize("order", [("model.yaml",), ("model.onnx", "tokenizer.json")])
async def test_a_newer_version_that_is_copied_in_counts_when_it_is_whole_and_not_before(
    store: ModelStore, tmp_path: Path, order: tuple[str, ...]
) -> None:
    """With its description first, or last. Planted faults: a description that is cut short ended
    the listing; a version counted as soon as it was described."""
    old, told = add(store, "mine", "1"), list[Change]()
    source, target = newer(store, tmp_path), store.path / "mine" / "2"
    directory = Directory(Catalogue({}), store, FakeClock())
    await directory.refresh()
    directory.follow(told.append)
    todo = steps(source, order)

    target.mkdir()
    for step in ("", *todo):
        assert told == []
        assert await directory.find(MINE) == old
        if step:
            copy(step, source, target)
        await directory.relist()

    assert told == [Change("mine", newer=True)]
    assert (await directory.find(MINE)).version == "2"


async def test_a_first_version_that_is_copied_in_is_found_when_it_is_described(
    store: ModelStore, tmp_path: Path
) -> None:
    """Until then the name is unknown, and other names are what they were."""
    other = add(store, "other", "1")
    source, target = newer(store, tmp_path), store.path / "mine" / "2"
    directory = Directory(Catalogue({}), store, clock := FakeClock())
    await directory.refresh()
    target.mkdir(parents=True)
    for step in steps(source, ("model.onnx", "tokenizer.json")):
        with pytest.raises(ModelNotFound):
            await directory.find(MINE)
        assert await directory.find(ModelRef("other")) == other
        copy(step, source, target)
        clock.advance(2)

    found: StoredModel = await directory.find(MINE)
    assert found.version == "2"


async def test_a_version_that_is_deleted_file_by_file_gives_way_to_the_one_before(
    store: ModelStore,
) -> None:
    old = add(store, "mine", "1")
    newest = add(store, "mine", "2")
    directory = Directory(Catalogue({}), store, FakeClock())
    await directory.refresh()
    assert await directory.find(MINE) == newest

    for file in sorted(newest.path.iterdir()):
        file.unlink()
        await directory.relist()
        assert await directory.find(MINE) == old
    shutil.rmtree(newest.path)
    await directory.relist()
    assert await directory.find(MINE) == old

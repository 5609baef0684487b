"""What the operating system tells of a folder, told by itself."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import pytest

from models.notices import Batch, notices

PAUSE = 0.25
SECONDS = 30
NEVER = Path("never")


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Callable[[], "asyncio.Future[Batch]"]]:
    """Its notices, one call for each; the first batch has been had already."""
    async with asyncio.timeout(SECONDS), aclosing(notices(folder, pause=PAUSE)) as batches:
        await anext(batches)
        yield lambda: asyncio.ensure_future(anext(batches))


async def told_of(more: Callable[[], "asyncio.Future[Batch]"], path: Path) -> None:
    """Return when a batch has had this path."""
    while path not in await more():
        pass


def watching_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("store-watch")]


async def test_what_changes_anywhere_below_the_folder_is_told(tmp_path: Path) -> None:
    """A folder that was renamed into it too, and what changes in that from then on."""
    store, aside = tmp_path / "store", tmp_path / "aside" / "v1"
    (store / "mine").mkdir(parents=True)
    aside.mkdir(parents=True)

    async with watched(store) as more:
        aside.rename(store / "mine" / "v1")
        await told_of(more, store / "mine" / "v1")
        (store / "mine" / "v1" / "model.onnx").write_bytes(b"x")
        await told_of(more, store / "mine" / "v1" / "model.onnx")
        (store / "mine" / ".aliases.json").write_text("{}", encoding="utf-8")
        await told_of(more, store / "mine" / ".aliases.json")


async def test_of_what_is_only_read_nothing_is_told(tmp_path: Path) -> None:
    """Loads read the store. The next that is told is what was written after the reading."""
    (tmp_path / "read").write_bytes(b"x")

    async with watched(tmp_path) as more:
        (tmp_path / "read").read_bytes()
        (tmp_path / "written").write_bytes(b"x")

        assert await more() == {tmp_path / "written"}


async def test_without_a_change_an_empty_batch_comes_now_and_then(tmp_path: Path) -> None:
    async with watched(tmp_path) as more:
        assert not await more()


async def test_a_store_behind_a_link_is_watched(tmp_path: Path) -> None:
    """As where the model store is on another disk."""
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real", target_is_directory=True)

    async with watched(link) as more:
        (tmp_path / "real" / "mine").mkdir()
        await told_of(more, link / "mine")


async def test_notices_end_when_another_folder_has_the_place(tmp_path: Path) -> None:
    """As with a mount. Planted fault: the old folder was watched on."""
    store = tmp_path / "store"
    store.mkdir()

    async with watched(store) as more:
        store.rename(tmp_path / "old")
        store.mkdir()
        with pytest.raises(StopAsyncIteration):
            await told_of(more, NEVER)


async def test_a_folder_that_goes_cannot_be_watched_any_more(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()

    async with watched(store) as more:
        store.rmdir()
        with pytest.raises(FileNotFoundError):
            await told_of(more, NEVER)


async def test_a_folder_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await anext(notices(tmp_path / "nowhere"))


async def test_the_thread_ends_with_the_notices(tmp_path: Path) -> None:
    """Also when whoever waits for one is cancelled. Planted fault: nobody told it to stop."""
    first_come = asyncio.Event()

    async def watch() -> None:
        async with aclosing(notices(tmp_path, pause=PAUSE)) as batches:
            async for _ in batches:
                first_come.set()

    watching = asyncio.create_task(watch())
    await asyncio.wait_for(first_come.wait(), SECONDS)
    assert len(watching_threads()) == 1
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching

    assert watching_threads() == []

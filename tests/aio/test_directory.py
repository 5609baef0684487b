import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.catalogue import Catalogue, ModelRef
from models.config import ServingConfig
from models.directory import Directory
from models.errors import ModelNotFound, ModelNotRegistered
from models.spec import ModelSpec, StoredModel
from tests.fakes import FakeClock, settle

CATALOGUE = Catalogue(
    {
        "listed": ModelSpec(name="listed", origin="hf:somebody/listed"),
        "shipped": ModelSpec(name="shipped", origin="embedded"),
    }
)


def stored(name: str, version: str = "v1", *, minute: int = 0) -> StoredModel:
    return StoredModel(
        name=name,
        version=version,
        path=Path("unused"),
        engine="onnx",
        source="Local",
        labels=("a", "b"),
        max_length=8,
        precision="fp32",
        digests={},
        footprint=1,
        load_seconds=0.1,
        size=1,
        created_at=datetime(2026, 1, 1, 0, minute, tzinfo=UTC),
    )


class FakeStore:
    """Lists what it is given, when `gate` is open; or raises `error`. `named`: the aliases."""

    def __init__(self, *models: StoredModel) -> None:
        self.models = list(models)
        self.named: dict[str, dict[str, str]] = {}
        self.listings = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def list(self) -> list[StoredModel]:
        self.listings += 1
        models = list(self.models)
        self.gate.wait()
        if self.error is not None:
            raise self.error
        return models

    def aliases(self) -> dict[str, dict[str, str]]:
        return {name: dict(aliases) for name, aliases in self.named.items()}


async def until_true(condition: Callable[[], bool]) -> None:
    """Wait for what a thread brings about."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.to_thread(lambda: None)


async def test_a_name_means_its_newest_version() -> None:
    store = FakeStore(stored("mine", "new", minute=2), stored("mine", "old", minute=1))
    directory = Directory(CATALOGUE, store, FakeClock())

    assert (await directory.find(ModelRef("mine"))).version == "new"
    assert (await directory.find(ModelRef("mine", "old"))).version == "old"


async def test_a_name_that_nobody_knows_is_not_found() -> None:
    directory = Directory(CATALOGUE, FakeStore(), FakeClock())

    with pytest.raises(ModelNotFound):
        await directory.find(ModelRef("nobody"))


async def test_a_listed_name_without_weights_is_not_registered() -> None:
    """The message says how to register it."""
    directory = Directory(CATALOGUE, FakeStore(), FakeClock())

    with pytest.raises(ModelNotRegistered, match="scripts/register listed"):
        await directory.find(ModelRef("listed"))


async def test_a_name_that_nobody_has_noticed_is_found_once_the_listing_is_a_second_old() -> None:
    clock, store = FakeClock(), FakeStore()
    directory = Directory(CATALOGUE, store, clock)
    await directory.refresh()
    store.models.append(stored("mine"))

    with pytest.raises(ModelNotFound):
        await directory.find(ModelRef("mine"))
    clock.advance(1.1)

    assert (await directory.find(ModelRef("mine"))).name == "mine"


async def test_asking_for_unknown_names_lists_the_store_at_most_once_a_second() -> None:
    store = FakeStore()
    directory = Directory(CATALOGUE, store, FakeClock())

    for number in range(20):
        with pytest.raises(ModelNotFound):
            await directory.find(ModelRef(f"nobody{number}"))

    assert store.listings == 1


async def test_concurrent_callers_share_one_listing() -> None:
    store = FakeStore(stored("mine"))
    directory = Directory(CATALOGUE, store, FakeClock())

    await asyncio.gather(*(directory.find(ModelRef("mine")) for _ in range(10)))

    assert store.listings == 1


async def test_a_refresh_sees_what_was_registered_before_it_was_asked_for() -> None:
    """Fault found: it joined a listing that had begun before the registration."""
    store = FakeStore()
    directory = Directory(CATALOGUE, store, FakeClock())
    store.gate.clear()
    early = asyncio.create_task(directory.renew())
    await until_true(lambda: store.listings == 1)
    store.models.append(stored("mine"))
    late = asyncio.create_task(directory.refresh())
    await settle()

    store.gate.set()
    await asyncio.gather(early, late)

    assert directory.is_registered("mine")


async def test_a_listing_is_as_old_as_its_beginning() -> None:
    """Fault found: what was registered while a slow listing ran was unseen for longer."""
    clock, store = FakeClock(), FakeStore()
    directory = Directory(CATALOGUE, store, clock)
    store.gate.clear()
    slow = asyncio.create_task(directory.renew())
    await until_true(lambda: store.listings == 1)
    store.models.append(stored("mine"))
    clock.advance(2)
    store.gate.set()
    await slow

    assert (await directory.find(ModelRef("mine"))).name == "mine"


async def test_a_listing_that_fails_is_logged_and_the_old_one_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever watches the store goes on. Fault found: nobody looked at the failed task."""
    store = FakeStore(stored("mine"))
    directory = Directory(CATALOGUE, store, FakeClock())
    await directory.refresh()
    store.error = OSError("the disk is gone")

    with caplog.at_level(logging.ERROR):
        await directory.relist()

    assert caplog.messages == ["the model store cannot be listed: the disk is gone"]
    assert directory.is_registered("mine")


async def test_for_a_name_that_is_known_the_store_is_not_listed_however_old_the_listing() -> None:
    """Planted fault: a listing was begun behind each request a second after the last."""
    clock, store = FakeClock(), FakeStore(stored("mine"))
    directory = Directory(CATALOGUE, store, clock)
    await directory.refresh()
    clock.advance(3600)

    await directory.find(ModelRef("mine"))
    assert directory.at_hand(ModelRef("mine", "v1")) is not None
    await settle()

    assert store.listings == 1


async def test_a_relisting_sees_what_came_while_another_was_under_way() -> None:
    """Planted fault: it shared that one, and the last change of a series was not seen."""
    store = FakeStore()
    directory = Directory(CATALOGUE, store, FakeClock())
    store.gate.clear()
    early = asyncio.create_task(directory.relist())
    await until_true(lambda: store.listings == 1)
    store.models.append(stored("mine"))
    late = asyncio.create_task(directory.relist())
    await settle()

    store.gate.set()
    await asyncio.gather(early, late)

    assert directory.is_registered("mine")


@pytest.mark.parametrize(
    ("name", "known"),
    [("mine", True), ("mine:latest", True), ("mine:v1", True), ("mine:v2", False), ("../x", False)],
)
async def test_whether_it_is_registered_can_be_asked_of_any_text(name: str, known: bool) -> None:
    """Fault found: a fixed version in the settings counted as not registered."""
    directory = Directory(CATALOGUE, FakeStore(stored("mine")), FakeClock())
    await directory.refresh()

    assert directory.is_registered(name) is known


async def test_names_are_the_catalogue_s_in_its_order_and_then_what_is_only_registered() -> None:
    directory = Directory(CATALOGUE, FakeStore(stored("z"), stored("listed")), FakeClock())
    await directory.refresh()

    assert directory.names() == ("listed", "shipped", "z")


async def test_the_embedded_model_stands_in_for_a_default_without_weights() -> None:
    store = FakeStore(stored("shipped"))
    directory = Directory(CATALOGUE, store, clock := FakeClock())
    config = ServingConfig(default_model="listed")
    await directory.refresh()

    assert directory.default_name(config) == "shipped"
    store.models.append(stored("listed"))
    clock.advance(2)
    await directory.renew()

    assert directory.default_name(config) == "listed"

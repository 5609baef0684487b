import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.catalogue import Catalogue, ModelRef
from models.config import ServingConfig
from models.directory import Directory
from models.errors import ModelNotFound, ModelNotRegistered
from models.spec import ModelSpec, StoredModel
from tests.fakes import FakeClock

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
    def __init__(self, *models: StoredModel) -> None:
        self.models = list(models)
        self.listings = 0

    def list(self) -> list[StoredModel]:
        self.listings += 1
        return list(self.models)


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


async def test_a_new_registration_is_found_once_the_listing_is_a_second_old() -> None:
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

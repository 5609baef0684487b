"""What keeps a model in memory: the operator's pin, and a caller's keep-alive."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

import pytest

from cache.errors import InsufficientRoom
from models.catalogue import Catalogue
from models.errors import ModelNotFound, ModelNotRegistered
from models.serving import Serving
from tests.fakes import settle, until
from tests.fakes_serving import House
from tests.houses import PINNED, SHIPPED, delete, house, refresh, register, states

Ask = Callable[[Serving, float | None], Awaitable[Any]]

ASKS: dict[str, Ask] = {
    "predict": lambda serving, kept: serving.predict("x", "mine", keep_alive=kept),
    "batch": lambda serving, kept: serving.predict_batch(["x", "y"], "mine", keep_alive=kept),
    "load": lambda serving, kept: serving.load("mine", keep_alive=kept),
}


@pytest.fixture(params=list(ASKS.values()), ids=list(ASKS))
def ask(request: pytest.FixtureRequest) -> Ask:
    """Each way to ask for a model and to say how long it is to stay."""
    chosen: Ask = request.param
    return chosen


async def swept(home: House) -> dict[str, str]:
    """What is there after a clean-up."""
    await home.serving.cleanup()
    return states(home)


async def test_a_keep_alive_of_nothing_unloads_after_the_answer(ask: Ask) -> None:
    home = house("mine")
    async with home.open() as serving:
        await ask(serving, 0.0)
        await settle()

        assert states(home) == {}


async def test_a_keep_alive_counts_from_the_last_use(ask: Ask) -> None:
    """In place of the TTL, which is longer."""
    home = house("mine", cache_ttl=1000.0)
    async with home.open() as serving:
        await ask(serving, 50.0)
        home.clock.advance(40)
        await serving.predict("x", "mine")
        home.clock.advance(40)

        assert await swept(home) == {"mine:v1": "resident"}
        home.clock.advance(11)
        assert await swept(home) == {}


async def test_what_is_kept_for_ever_never_expires(ask: Ask) -> None:
    home = house("mine", cache_ttl=10.0)
    async with home.open() as serving:
        await ask(serving, inf)
        home.clock.advance(1e6)

        assert await swept(home) == {"mine:v1": "resident"}


async def test_one_who_says_nothing_leaves_what_holds(ask: Ask) -> None:
    home = house("mine", cache_ttl=10.0)
    async with home.open() as serving:
        await ask(serving, inf)
        await ask(serving, None)
        home.clock.advance(1e6)

        assert await swept(home) == {"mine:v1": "resident"}


async def test_a_keep_alive_of_nothing_waits_for_the_others_who_are_there() -> None:
    home = house("mine")
    async with home.open() as serving:
        await serving.load("mine")
        home.runner.gate.clear()
        other = home.begin(serving.predict("x", "mine"))
        await until(lambda: home.runner.read == ["x"])

        await serving.load("mine", keep_alive=0.0)
        assert states(home) == {"mine:v1": "resident"}
        home.runner.gate.set()
        assert (await other).label == "a"
        await settle()

        assert states(home) == {}


async def test_what_the_catalogue_pins_is_never_evicted_nor_expires() -> None:
    catalogue = Catalogue({"pinned": PINNED, "shipped": SHIPPED})
    home = house("pinned", "mine", limit=300, catalogue=catalogue, memory_threshold=0.8)
    async with home.open() as serving:
        await serving.load("pinned")
        await serving.load("mine")
        home.clock.advance(1e6)
        await serving.load("shipped")

        assert await swept(home) == {"pinned:v1": "resident", "shipped:v1": "resident"}
        assert (await serving.describe("pinned")).pinned


async def test_what_is_pinned_stays_and_goes_like_others_when_it_is_not() -> None:
    """Fault planted: the pin was noted for later loads, and not for the one in memory."""
    home = house("mine", "other", limit=300)
    async with home.open() as serving:
        await serving.load("mine")
        report = await serving.pin("mine", pinned=True)
        home.clock.advance(10)
        await serving.load("shipped")
        home.clock.advance(10)
        await serving.load("other")
        stayed = states(home)
        await serving.pin("mine", pinned=False)
        home.clock.advance(10)
        await serving.load("shipped")

        assert (report.name, report.pinned, report.cached) == ("mine", True, True)
        assert stayed == {"mine:v1": "resident", "other:v1": "resident"}
        assert states(home) == {"other:v1": "resident", "shipped:v1": "resident"}


async def test_a_pin_of_what_is_not_in_memory_holds_when_it_is_loaded() -> None:
    """And is shown at once."""
    home = house("mine")
    async with home.open() as serving:
        report = await serving.pin("mine", pinned=True)
        view = await serving.describe("mine")
        await serving.load("mine")
        home.clock.advance(1e6)

        assert (report.cached, view.pinned, view.cached) == (False, True, False)
        assert await swept(home) == {"mine:v1": "resident"}


@pytest.mark.parametrize("loaded", [True, False])
async def test_a_pin_of_a_name_holds_for_the_next_version(loaded: bool) -> None:
    """Fault found: the next version of what was pinned while absent was not shown as pinned."""
    home = house("mine:v1", cache_ttl=100.0)
    async with home.open() as serving:
        if loaded:
            await serving.load("mine")
        await serving.pin("mine", pinned=True)
        await register(home, "mine:v2")
        if loaded:
            await refresh(home)
            await settle()

        view = await serving.describe("mine")
        await serving.load("mine")
        home.clock.advance(1e6)

        assert (view.version, view.pinned) == ("v2", True)
        assert await swept(home) == {"mine:v2": "resident"}


async def test_what_is_said_of_a_name_holds_for_every_version_whatever_was_said_before() -> None:
    """Fault found: a version that had been pinned was so for ever, once it was replaced."""
    home = house("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.pin("mine:v1", pinned=True)
        await serving.load("mine:v1")
        await serving.load("mine")
        await serving.pin("mine", pinned=False)
        unpinned = [(await serving.describe(n)).pinned for n in ("mine", "mine:v1")]
        await serving.pin("mine", pinned=True)
        pinned = [(await serving.describe(n)).pinned for n in ("mine", "mine:v1")]
        home.clock.advance(1e6)

        assert (unpinned, pinned) == ([False, False], [True, True])
        assert await swept(home) == {"mine:v1": "resident", "mine:v2": "resident"}


async def test_a_pin_of_one_version_says_nothing_of_the_others() -> None:
    home = house("mine:v1", "mine:v2")
    async with home.open() as serving:
        await serving.load("mine:v1")
        await serving.load("mine")
        await serving.pin("mine:v1", pinned=True)
        home.clock.advance(1e6)

        assert await swept(home) == {"mine:v1": "resident"}


async def test_a_pinned_model_can_be_unloaded() -> None:
    """The operator's word; the pin holds for the next load."""
    home = house("mine")
    async with home.open() as serving:
        await serving.load("mine")
        await serving.pin("mine", pinned=True)

        assert (await serving.unload("mine")).freed == 100
        assert (await serving.describe("mine")).pinned


async def test_a_resident_whose_files_are_gone_can_be_let_go() -> None:
    """Fault found: it could be pinned no more, nor unpinned."""
    home = house("mine")
    async with home.open() as serving:
        await serving.load("mine")
        await serving.pin("mine", pinned=True)
        await delete(home, "mine:v1")

        await serving.pin("mine", pinned=False)
        home.clock.advance(1e6)

        assert await swept(home) == {}


@pytest.mark.parametrize(
    ("name", "error"), [("nobody", ModelNotFound), ("listed", ModelNotRegistered)]
)
async def test_what_cannot_be_loaded_cannot_be_pinned(name: str, error: type[Exception]) -> None:
    home = house()
    async with home.open() as serving:
        with pytest.raises(error):
            await serving.pin(name, pinned=True)
        assert home.loader.pins == {}


async def test_what_cannot_fit_beside_the_pinned_is_refused() -> None:
    home = house("mine", limit=200)
    async with home.open() as serving:
        await serving.load("mine")
        await serving.pin("mine", pinned=True)

        with pytest.raises(InsufficientRoom, match="pinned"):
            await serving.load("shipped")

"""Predictions that cost no inference: from the cache, and by joining another's."""

import asyncio
from collections.abc import AsyncIterator
from math import inf
from typing import Any

import pytest

from cache.events import Cause
from models.errors import InferenceFailed, ModelNotFound
from models.port import Predicted
from models.recalling import Recalling
from tests.fakes import settle, until
from tests.fakes_serving import UNREADABLE, House
from tests.houses import CATALOGUE, delete, house, refresh, register, removals, states

MEGABYTE = 1_000_000


def remembering(*models: str, **settings: Any) -> House:
    """A house that keeps predictions."""
    return house(*models, **{"prediction_cache": MEGABYTE, **settings})


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """Open, with one model."""
    home = remembering()
    async with home.open():
        yield home


def read_by_all(home: House) -> list[str]:
    """By every runner there ever was, in order."""
    return [text for runner in home.loader.runners for text in runner.read]


async def test_the_same_text_is_read_once(home: House) -> None:
    """Planted fault: the answer kept for another scope than it is looked up in."""
    first = await home.serving.predict("bad", "shipped")
    second = await home.serving.predict("bad", "shipped")

    assert (first.cached, second.cached) == (False, True)
    assert (second.label, second.probabilities) == (first.label, first.probabilities)
    assert read_by_all(home) == ["bad"]


@pytest.mark.parametrize("other", ["Bad", "bad ", "bad\u0301", "b\u00e4d", "\ud800bad"])
async def test_a_text_that_differs_at_all_is_read(home: House, other: str) -> None:
    """Planted fault: digests of what `strip` leaves."""
    await home.serving.predict("bad", "shipped")

    assert not (await home.serving.predict(other, "shipped")).cached


async def test_both_spellings_of_the_name_share_an_answer(home: House) -> None:
    await home.serving.predict("x", "shipped")

    assert (await home.serving.predict("x", "shipped:v1")).cached
    assert (await home.serving.predict("x", "shipped:latest")).cached


async def test_models_do_not_share_answers() -> None:
    """Planted fault: the model left out of both scope and digest."""
    home = remembering("other")
    home.loader.answers["v1"] = (0.5, 0.5)
    async with home.open() as serving:
        await serving.predict("x", "shipped")

        assert not (await serving.predict("x", "other")).cached


async def test_what_is_read_otherwise_is_asked_otherwise() -> None:
    """How much is read of a text is no part of the version. Planted fault: left out."""
    few, many = (Recalling(remembering(max_windows=n).config, CATALOGUE) for n in (1, 16))

    assert few._digest("m:v1", "x") != many._digest("m:v1", "x")
    assert len(few._digest("m:v1", "x")) == 16


async def test_without_the_cache_a_text_is_read_and_its_answer_not_kept(home: House) -> None:
    """Neither looked up nor kept. Planted fault: the option left out of the condition."""
    for cache in (False, False, True, False):
        assert not (await home.serving.predict("x", "shipped", cache=cache)).cached

    assert read_by_all(home) == ["x"] * 4


async def test_without_room_nothing_is_kept_or_shared() -> None:
    home = remembering(prediction_cache=0)
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        two = [home.begin(serving.predict("x", "shipped")) for _ in range(2)]
        await until(lambda: home.runner.read == ["x", "x"])
        home.runner.gate.set()
        await asyncio.gather(*two)

        assert not (await serving.predict("x", "shipped")).cached


async def test_a_kept_answer_loads_no_model_and_takes_no_lease(home: House) -> None:
    """To unload a model leaves its answers, which stay true. Planted fault: leased first."""
    await home.serving.predict("x", "shipped")
    await home.serving.unload("shipped")

    answer = await home.serving.predict("x", "shipped")

    assert (answer.cached, answer.cache_hit) == (True, True)
    assert states(home) == {}
    assert home.loader.orders == ["shipped:v1"]


async def test_a_kept_answer_is_asked_for_answered_and_a_hit_and_no_inference(home: House) -> None:
    """Hits and misses are together what was answered; the average is over what was computed.

    Planted fault: the average over all that was answered.
    """
    for _ in range(4):
        await home.serving.predict("x", "shipped")

    view = await home.serving.describe("shipped")

    figures = view.performance
    assert (view.access_count, figures.predictions, figures.hits, figures.misses) == (4, 4, 3, 1)
    assert (figures.cached, figures.joined) == (3, 0)
    assert figures.average_inference_seconds == 0.5
    assert [told.inference_seconds for told in home.audience.told(Predicted)] == [0.5, 0, 0, 0]


async def test_an_answer_is_as_old_as_its_time_to_live_at_most() -> None:
    home = remembering(prediction_cache_ttl=60.0)
    async with home.open() as serving:
        await serving.load("shipped")
        await serving.predict("x", "shipped")
        home.clock.advance(59.0)
        young = await serving.predict("x", "shipped")
        home.clock.advance(1.0)

        assert young.cached
        assert not (await serving.predict("x", "shipped")).cached


async def test_a_batch_reads_what_was_not_answered_before_each_text_once(home: House) -> None:
    """In the order of the texts. Planted fault: what is given twice was read twice."""
    await home.serving.predict("a", "shipped")

    answers = await home.serving.predict_batch(["b", "a", "c", "b"], "shipped")

    assert [answer.text for answer in answers] == ["b", "a", "c", "b"]
    assert [answer.label for answer in answers] == ["b", "a", "a", "b"]
    assert [answer.cached for answer in answers] == [False, True, False, False]
    assert sorted(read_by_all(home)) == ["a", "b", "c"]
    figures = (await home.serving.describe("shipped")).performance
    assert (figures.computed, figures.cached, figures.joined) == (3, 1, 1)


async def test_a_text_that_failed_is_read_again(home: House) -> None:
    for _ in range(2):
        with pytest.raises(InferenceFailed):
            await home.serving.predict(UNREADABLE, "shipped")

    assert read_by_all(home) == [UNREADABLE] * 2


async def test_identical_requests_at_once_are_one_inference(home: House) -> None:
    """Who joined has waited: his answer is not a cached one, nor an inference of its own."""
    await home.serving.load("shipped")
    home.runner.gate.clear()
    asked = [home.begin(home.serving.predict("x", "shipped")) for _ in range(8)]
    await until(lambda: home.runner.read == ["x"])
    await settle()

    home.runner.gate.set()
    answers = await asyncio.gather(*asked)

    assert [answer.cached for answer in answers] == [False] * 8
    assert read_by_all(home) == ["x"]
    figures = (await home.serving.describe("shipped")).performance
    assert (figures.predictions, figures.computed, figures.joined) == (8, 1, 7)
    assert figures.average_inference_seconds == 0.5
    assert (await home.serving.cache()).predictions.joined == 7


async def test_who_joins_an_inference_that_waits_for_a_load_has_missed(home: House) -> None:
    """As whoever joins a load. Planted fault: to join was a hit."""
    await home.directory.refresh()
    home.loader.gate.clear()
    asked = [home.begin(home.serving.predict("x", "shipped")) for _ in range(3)]
    await home.loader.begins("shipped:v1")
    home.loader.gate.set()

    assert [answer.cache_hit for answer in await asyncio.gather(*asked)] == [False] * 3


async def test_without_the_cache_nobody_is_joined(home: House) -> None:
    await home.serving.load("shipped")
    home.runner.gate.clear()
    asked = [
        home.begin(home.serving.predict("x", "shipped", cache=cache)) for cache in (True, False)
    ]

    await until(lambda: home.runner.read == ["x", "x"])
    home.runner.gate.set()
    await asyncio.gather(*asked)


async def test_one_who_runs_out_of_time_leaves_those_who_joined_him(home: House) -> None:
    """The next has the text read anew. Planted fault: all went with him."""
    await home.serving.load("shipped")
    home.runner.gate.clear()
    first = home.begin(home.serving.predict("x", "shipped"))
    await until(lambda: home.runner.read == ["x"])
    second = home.begin(home.serving.predict("x", "shipped"))
    await settle()

    first.cancel()
    await asyncio.wait([first])
    home.runner.gate.set()

    assert (await second).label == "a"
    assert home.runner.read == ["x", "x"]


async def test_one_whose_time_is_up_when_he_joins_leaves_the_first_alone(home: House) -> None:
    await home.serving.load("shipped")
    home.runner.gate.clear()
    first = home.begin(home.serving.predict("x", "shipped"))
    await until(lambda: home.runner.read == ["x"])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await home.serving.predict("x", "shipped")
    home.runner.gate.set()

    assert (await first).label == "a"


async def test_a_text_that_nobody_waits_for_any_more_is_not_sent() -> None:
    """It waits behind all that is sent to two cores. Planted fault: work that is left goes on."""
    home = remembering()
    async with home.open() as serving:
        await serving.load("shipped")
        home.runner.gate.clear()
        busy = [home.begin(serving.predict(text, "shipped")) for text in ("a", "b", "c")]
        await until(lambda: len(home.runner.read) == 3)
        asked = [home.begin(serving.predict("x", "shipped")) for _ in range(3)]
        await settle()

        for task in asked:
            task.cancel()
        await asyncio.wait(asked)
        home.runner.gate.set()
        await asyncio.gather(*busy)
        await settle()

        assert home.runner.read == ["a", "b", "c"]
        entry = serving._residency.entry("shipped:v1")
        assert entry is not None
        assert entry.leases == 0


async def test_those_who_differ_in_keep_alive_are_each_given_what_they_ask(home: House) -> None:
    """Each has his own lease. Planted fault: joined, and the second's was forgotten."""
    await home.serving.load("shipped")
    home.runner.gate.clear()
    asked = [
        home.begin(home.serving.predict("x", "shipped", keep_alive=seconds))
        for seconds in (0.0, 300.0)
    ]
    await until(lambda: home.runner.read == ["x", "x"])
    home.runner.gate.set()
    await asyncio.gather(*asked)

    entry = home.serving._residency.entry("shipped:v1")
    assert entry is not None
    assert entry.keep_alive == 300.0


async def test_a_kept_answer_with_a_keep_alive_of_zero_unloads_the_model(home: House) -> None:
    """Planted fault: to be asked for nothing of the model, it stayed."""
    await home.serving.predict("x", "shipped")

    answer = await home.serving.predict("x", "shipped", keep_alive=0.0)
    await settle()

    assert answer.cached
    assert removals(home) == [("shipped:v1", Cause.UNLOADED)]


@pytest.mark.parametrize("seconds", [300.0, inf])
async def test_a_kept_answer_with_a_keep_alive_counts_as_a_use_of_the_model(
    home: House, seconds: float
) -> None:
    """The time that it may be idle begins anew. Planted fault: noted, and counted from before."""
    await home.serving.predict("x", "shipped")
    home.clock.advance(1000.0)

    await home.serving.predict("x", "shipped", keep_alive=seconds)

    entry = home.serving._residency.entry("shipped:v1")
    assert entry is not None
    assert (entry.keep_alive, entry.leases) == (seconds, 0)
    assert entry.last_used == home.clock.monotonic()


async def test_a_kept_answer_with_a_keep_alive_does_not_load_what_is_not_there(
    home: House,
) -> None:
    await home.serving.predict("x", "shipped", keep_alive=0.0)
    await settle()

    answer = await home.serving.predict("x", "shipped", keep_alive=300.0)

    assert answer.cached
    assert states(home) == {}


async def test_a_new_version_answers_itself() -> None:
    """Not before it has taken the name. Planted fault: answers kept by name."""
    home = remembering("mine:v1", cache_ttl=100.0, churn_guard=0.0)
    home.loader.answers["v2"] = (0.125, 0.875)
    async with home.open() as serving:
        for text in ("x", "y"):
            await serving.predict(text, "mine")
        await register(home, "mine:v2")
        before = await serving.predict("x", "mine")
        await refresh(home)
        after = await serving.predict("x", "mine")

        assert (before.cached, before.label) == (True, "a")
        assert (after.cached, after.label) == (False, "b")


async def test_the_answers_of_a_version_are_dropped_with_its_name() -> None:
    """Planted fault: they stayed, for whoever asks for the old version by its number."""
    home = remembering("mine:v1")
    async with home.open() as serving:
        await serving.predict("x", "mine")
        await serving.unload("mine")
        await register(home, "mine:v2")
        await serving.predict("x", "mine")

        assert not (await serving.predict("x", "mine:v1")).cached


async def test_an_answer_is_kept_for_the_version_that_gave_it() -> None:
    """It was asked of the old one, and answered by the one that took its place meanwhile.

    Planted fault: kept under the key that was looked up.
    """
    home = remembering("mine:v1")
    home.loader.answers["v2"] = (0.125, 0.875)
    async with home.open() as serving:
        await serving.load("mine")
        home.runner.gate.clear()
        busy = [home.begin(serving.predict(text, "mine:v1")) for text in ("p", "q")]
        await until(lambda: len(home.runner.read) == 2)
        asked = home.begin(serving.predict("x", "mine"))
        await settle()
        old = home.runner
        await register(home, "mine:v2")
        await serving.load("mine:v2")
        serving._versions.switch("mine:v2")
        await old.close()
        await asyncio.gather(*busy)

        assert (await asked).label == "b"
        assert (await serving.predict("x", "mine")).cached
        assert not (await serving.predict("x", "mine:v1")).cached


async def test_a_model_that_is_registered_no_more_is_not_answered_for() -> None:
    """And whoever registers it again begins anew. Planted fault: its answers stayed."""
    home = remembering("mine:v1")
    async with home.open() as serving:
        await serving.predict("x", "mine")
        await serving.unload("mine")
        await delete(home, "mine:v1")
        with pytest.raises(ModelNotFound):
            await serving.predict("x", "mine")
        await register(home, "mine:v1")

        assert not (await serving.predict("x", "mine")).cached


async def test_the_figures_of_the_cache_are_shown(home: House) -> None:
    for _ in range(3):
        await home.serving.predict("x", "shipped")

    shown = (await home.serving.cache()).predictions

    assert (shown.capacity, shown.entries, shown.hits, shown.misses) == (MEGABYTE, 1, 2, 1)
    assert shown.hit_rate == pytest.approx(2 / 3)
    assert 400 < shown.size < 1000


async def test_a_warm_up_reads_its_samples_whatever_was_answered(home: House) -> None:
    """It is to find out whether the model answers, and to get it ready."""
    await home.serving.predict("one", "shipped")
    await home.serving.warmup("shipped")

    assert read_by_all(home).count("one") > 1

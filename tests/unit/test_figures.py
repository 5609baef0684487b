"""Every event is counted, logged once, and handed on."""

import logging

import pytest

from cache.events import (
    Cause,
    Draining,
    Event,
    LoadFailed,
    LoadFinished,
    LoadStarted,
    Refreshed,
    Removed,
)
from cache.ports import Priority
from cache.prospects import Sweep
from models.engines import Row
from models.figures import Figures
from models.port import Predicted, RefreshFailed, WarmedUp
from models.recalling import Recalled, Verdict
from models.usage import Origin
from tests.fakes_serving import Audience, FakeSystemClock


@pytest.fixture
def audience() -> Audience:
    return Audience()


@pytest.fixture
def figures(audience: Audience) -> Figures:
    return Figures(FakeSystemClock(), audience)


def answer(key: str, origin: Origin = Origin.COMPUTED) -> Recalled:
    verdict = Verdict(Row((1.0,), tokens=3, truncated=False), ("a",))
    seconds = 0.5 if origin is Origin.COMPUTED else 0.0
    return Recalled(verdict, key, hit=True, origin=origin, seconds=seconds)


@pytest.mark.parametrize(
    ("event", "level", "words"),
    [
        (LoadStarted("m", 1.0, 2_000_000), logging.INFO, "loading m, 2.0 MB reserved"),
        (
            LoadFinished("m", 1.0, 0.5, 1_500_000),
            logging.INFO,
            "m is resident: 1.5 MB, loaded in 0.50 s",
        ),
        (
            LoadFailed("m", 1.0, "damaged", 4.0),
            logging.ERROR,
            "m could not be loaded, is left alone for 4 s: damaged",
        ),
        (Removed("m", 1.0, Cause.EVICTED, 1_500_000), logging.INFO, "m evicted, 1.5 MB freed"),
        (Removed("m", 1.0, Cause.FAILED, 0), logging.WARNING, "m failed, 0.0 MB freed"),
        (
            Draining("m", 1.0, Cause.EVICTED, "n", Priority.LOW, 0.5, 3.0),
            logging.INFO,
            "m makes room for n",
        ),
        (Refreshed("m", 1.0), logging.INFO, "m was refreshed"),
        (RefreshFailed("m", 1.0, "late"), logging.WARNING, "m could not be refreshed: late"),
    ],
)
def test_an_event_is_logged_once_and_handed_on(
    figures: Figures,
    audience: Audience,
    caplog: pytest.LogCaptureFixture,
    event: Event | RefreshFailed,
    level: int,
    words: str,
) -> None:
    with caplog.at_level(logging.INFO):
        figures.on_event(event)

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, words)]
    assert audience.events == [event]


@pytest.mark.parametrize(
    ("cause", "deaths"),
    [(cause, int(cause is Cause.FAILED)) for cause in Cause],
)
def test_only_a_failed_runner_counts_as_a_death(
    figures: Figures, cause: Cause, deaths: int
) -> None:
    """And any removal ends the warm-up."""
    figures.on_warmup("m:v1", 1.0, resident=True)

    figures.on_event(Removed("m:v1", 1.0, cause, 1))

    assert (figures.usage["m"].deaths, figures.usage["m:v1"].deaths) == (deaths, deaths)
    assert not figures.usage["m:v1"].warmed


def test_a_failed_load_is_not_counted_as_a_load(figures: Figures) -> None:
    figures.on_event(LoadStarted("m:v1", 1.0, 1))
    figures.on_event(LoadFailed("m:v1", 2.0, "damaged"))
    figures.on_event(LoadFinished("m:v1", 3.0, 0.5, 1))

    assert (figures.usage["m"].loads, figures.usage["m"].load_seconds) == (1, 0.5)


def test_an_answer_is_counted_and_told(figures: Figures, audience: Audience) -> None:
    figures.on_answer(answer("m:v1"), 0.75)

    assert (figures.usage["m"].answered, figures.usage["m"].hits) == (1, 1)
    assert audience.events == [Predicted("m:v1", inference_seconds=0.5, total_seconds=0.75)]


def test_a_name_counts_all_its_versions_and_each_version_its_own(figures: Figures) -> None:
    """And all together count each once. Fault planted: they counted by name and by version."""
    for key in ("m:v1", "m:v2", "m:v2"):
        figures.on_request(key, 1.0, texts=1)
        figures.on_answer(answer(key), 0.75)

    assert [figures.usage[key].asked for key in ("m", "m:v1", "m:v2")] == [3, 1, 2]
    assert [figures.usage[key].answered for key in ("m", "m:v1", "m:v2")] == [3, 1, 2]
    assert figures.performance().predictions == 3


def test_a_warm_up_whose_model_is_gone_already_is_not_shown_as_completed(
    figures: Figures, audience: Audience
) -> None:
    """It took place all the same."""
    figures.on_warmup("m:v1", 1.5, resident=False)

    usage = figures.usage["m:v1"]
    assert (usage.warmed, usage.warmup_seconds) == (False, 1.5)
    assert audience.events == [WarmedUp("m:v1", 1.5)]


def test_sweeps_add_up(figures: Figures) -> None:
    figures.on_sweep(Sweep(("m",), (), 10))
    figures.on_sweep(Sweep((), ("n",), 5))

    assert (figures.cleanups, figures.cleaned) == (2, 15)
    assert figures.last_cleanup is not None

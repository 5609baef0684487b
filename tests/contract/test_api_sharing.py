"""What clients see of the shared prediction cache."""

from dataclasses import replace

import pytest

from models.views.system import SharedCacheView
from tests import fakes_api
from tests.contract.app_client import client_of

VIEW = SharedCacheView(
    circuit="half_open",
    connected=False,
    opened=1,
    hits=30,
    misses=10,
    unusable=2,
    bypassed=3,
    skipped=4,
    errors=5,
    written=6,
    dropped=7,
    models_off=8,
)
START = "model_cache_prediction_cache_shared_"


@pytest.fixture
def _on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes_api, "PREDICTIONS", replace(fakes_api.PREDICTIONS, shared=VIEW))


@pytest.mark.usefixtures("_on")
def test_stats_tell_how_it_does() -> None:
    with client_of() as client:
        shown = client.get("/stats").json()["cache_stats"]["prediction_cache"]["shared"]

    assert shown == {
        "circuit": "half_open",
        "connected": False,
        "opened": 1,
        "hits": 30,
        "misses": 10,
        "hit_rate": 0.75,
        "unusable": 2,
        "bypassed": 3,
        "skipped": 4,
        "errors": 5,
        "written": 6,
        "dropped": 7,
        "models_off": 8,
    }


@pytest.mark.usefixtures("_on")
def test_it_has_series() -> None:
    """One of three states at a time. Planted fault: hits and misses exchanged."""
    with client_of() as client:
        text = client.get("/metrics").text

    names = ("hits", "misses", "unusable", "bypassed", "skipped", "errors", "opened", "written")
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(START))
    assert [values[f"{START}{name}_total"] for name in (*names, "dropped")] == [
        *("30", "10", "2", "3", "4", "5", "1", "6", "7")
    ]
    assert (values[f"{START}connected"], values[f"{START}models_off"]) == ("0", "8")
    states = [values[f'{START}circuit{{state="{s}"}}'] for s in ("closed", "half_open", "open")]
    assert states == ["0", "1", "0"]


def test_without_it_there_is_neither() -> None:
    with client_of() as client:
        assert START not in client.get("/metrics").text
        shown = client.get("/stats").json()["cache_stats"]["prediction_cache"]

    assert shown["shared"] is None

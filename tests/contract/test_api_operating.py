"""What operators ask for beyond the documented routes: pins, dry runs, keep-alives, standings."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api import schemas
from api.schemas_plans import CleanupPlanOut, LoadPlanOut
from cache.ports import Priority
from models.views.model import QuarantineView, StandingView
from models.views.operations import CleanupPlan, LoadPlan
from tests.contract.app_client import client_of
from tests.fakes_api import FakeUseCases
from tests.fakes_models import DEBERTA, MOMENT, ROBERTA

STANDING = StandingView(
    name=ROBERTA,
    place=1,
    priority=Priority.LOW,
    fixed=True,
    score=math.inf,
    footprint=456_700_000,
    charged=500_000_000,
    last_used=MOMENT,
    held_by="young",
)
SHOWN = {
    "model": ROBERTA,
    "rank": 1,
    "class": "low",
    "class_fixed": True,
    "score": None,
    "memory_mb": 456.7,
    "charged_mb": 500.0,
    "last_used": "2024-01-01T00:00:00Z",
    "held_by": "young",
}


class Planning(FakeUseCases):
    """Has plans with every list filled."""

    async def plan_load(self, name: str) -> LoadPlan:
        one = (STANDING,)
        return LoadPlan(name, "evict", "room is made", 1, 2, 3, one, one, one)

    async def plan_cleanup(self) -> CleanupPlan:
        return CleanupPlan((STANDING,), (STANDING,), (STANDING,), "expired", 456_700_000)


def test_a_dry_run_of_a_load_says_what_would_be_done_and_does_nothing() -> None:
    """Seen failing with the flag read and the model loaded all the same."""
    fake = FakeUseCases()
    with client_of(fake) as client:
        response = client.post(f"/models/{DEBERTA}/load?dry_run=true&keep_alive=5m")

    LoadPlanOut.model_validate_json(response.text, strict=True)
    assert response.status_code == 200
    assert response.json()["decision"] == "admit"
    assert not fake.models[DEBERTA].resident


def test_a_plan_shows_standings_in_the_units_of_the_contract() -> None:
    """An infinite score is null. Seen failing with the class under the name `priority`."""
    with client_of(Planning()) as client:
        load = client.post(f"/models/{DEBERTA}/load?dry_run=1").json()
        cleanup = client.post("/cleanup?dry_run=1").json()

    assert load["victims"] == load["blockers"] == load["others"] == [SHOWN]
    assert cleanup["expired"] == cleanup["evicted"] == cleanup["others"] == [SHOWN]
    assert (cleanup["cleanup_reason"], cleanup["memory_to_free_mb"]) == ("expired", 456.7)


def test_a_dry_run_of_a_cleanup_does_nothing() -> None:
    fake = FakeUseCases()
    with client_of(fake) as client:
        response = client.post("/cleanup", params={"dry_run": "true"})
        really = client.post("/cleanup", params={"dry_run": "false"})

    CleanupPlanOut.model_validate_json(response.text, strict=True)
    schemas.CleanupOut.model_validate_json(really.text, strict=True)
    assert fake.cleanups == 1


def test_a_pin_is_set_and_taken_away() -> None:
    """Seen failing with /unpin pinning."""
    with client_of() as client:
        pinned = client.post(f"/models/{ROBERTA}/pin").json()
        shown = client.get(f"/models/{ROBERTA}").json()["pinned"]
        unpinned = client.post(f"/models/{ROBERTA}/unpin").json()
        then = client.get(f"/models/{ROBERTA}").json()["pinned"]

    schemas.PinOut.model_validate(pinned)
    assert (pinned["pinned"], shown, unpinned["pinned"], then) == (True, True, False, False)
    assert pinned["model_name"] == ROBERTA
    assert pinned["cached"] is False


@pytest.mark.parametrize(
    ("path", "arguments", "seconds"),
    [
        ("/predict", {"params": {"text": "a", "keep_alive": "90s"}}, 90.0),
        ("/predict", {"json": {"text": "a", "keep_alive": "1h30m"}}, 5400.0),
        ("/predict", {"json": {"text": "a", "keep_alive": 300}}, 300.0),
        ("/predict", {"json": {"text": "a", "keep_alive": 1.5}}, 1.5),
        ("/predict", {"json": {"text": "a", "keep_alive": 0}}, 0.0),
        ("/predict", {"json": {"text": "a", "keep_alive": None}}, None),
        ("/predict", {"params": {"keep_alive": "5m"}, "json": {"text": "a"}}, 300.0),
        (
            "/predict",
            {"params": {"keep_alive": "5m"}, "json": {"text": "a", "keep_alive": 300}},
            300,
        ),
        ("/predict/batch", {"json": {"texts": ["a"], "keep_alive": "-1"}}, math.inf),
        (f"/models/{DEBERTA}/load", {"params": {"keep_alive": "-1"}}, math.inf),
        (f"/models/{DEBERTA}/load", {}, None),
    ],
)
def test_a_keep_alive_reaches_the_use_cases_in_seconds(
    path: str, arguments: dict[str, Any], seconds: float | None
) -> None:
    """Seen failing with the keep-alive of the query left out, and with 0 taken for none."""
    fake = FakeUseCases()
    with client_of(fake) as client:
        response = client.post(path, **arguments)

    assert response.status_code == 200
    assert fake.models[DEBERTA].keep_alive == seconds


def test_a_wrong_keep_alive_is_told_the_forms() -> None:
    with client_of() as client:
        error = client.post("/predict?text=a&keep_alive=5+parsecs").json()["error"]

    assert error.startswith("keep_alive is '5 parsecs': give a duration like \"5m\"")


@pytest.mark.parametrize(("asked", "shown"), [("-1", -1.0), ("5m", 300.0)])
def test_a_resident_shows_its_standing_and_lifetime(asked: str, shown: float) -> None:
    """Seen failing with infinity written as it is: no JSON."""
    with client_of() as client:
        client.post(f"/models/{DEBERTA}/load", params={"keep_alive": asked})
        body = client.get(f"/models/{DEBERTA}").json()

    assert (body["rank"], body["score"], body["held_by"]) == (1, 0.25, None)
    assert body["keep_alive_seconds"] == shown
    assert body["expires_at"] == (None if asked == "-1" else "2024-01-01T01:00:00Z")
    assert body["quarantine"] is None


def test_what_is_not_in_memory_has_no_rank() -> None:
    with client_of() as client:
        body = client.get(f"/models/{ROBERTA}").json()

    nothing = ("rank", "score", "held_by", "expires_at", "keep_alive_seconds", "refreshed_at")
    assert {body[name] for name in nothing} == {None}


def test_a_quarantine_shows_how_long_it_lasts() -> None:
    """Seen failing with the seconds counted from the last failure."""
    fake = FakeUseCases()
    until = datetime.now(UTC) + timedelta(seconds=90)
    fake.models[ROBERTA].quarantine = QuarantineView(3, "damaged", until)
    fake.models[DEBERTA].quarantine = QuarantineView(1, "damaged", MOMENT)
    with client_of(fake) as client:
        lasting = client.get(f"/models/{ROBERTA}").json()["quarantine"]
        over = client.get(f"/models/{DEBERTA}").json()["quarantine"]

    assert (lasting["failures"], lasting["error"]) == (3, "damaged")
    assert 60 < lasting["retry_after_seconds"] <= 90
    assert over["retry_after_seconds"] == 0.0
    assert over["retry_at"] == "2024-01-01T00:00:00Z"

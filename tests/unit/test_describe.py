"""What is known, as views: each source of it alone."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from api import overviews
from cache.entry import Entry, State
from cache.ports import Priority
from cache.quarantine import Suspension
from cache.ranking import Hold, Standing
from models.describe import model_view
from models.spec import Compiled, ModelSpec, Parity, StoredModel
from models.usage import Usage
from models.views.model import ModelView, QuarantineView
from tests.aio.test_directory import stored
from tests.fakes_serving import FakeRunner, FakeSystemClock, on_cpu

SPEC = ModelSpec(
    name="m", origin="hf:x/m", source="Hugging Face", engine="pytorch", priority=Priority.HIGH
)
ENTRY = Entry(
    key="m",
    state=State.RESIDENT,
    charged=115,
    priority=Priority.MEDIUM,
    ttl=None,
    pinned=False,
    since=5.0,
    last_used=5.0,
    footprint=100,
)


def view(
    spec: ModelSpec | None = None,
    model: StoredModel | None = None,
    entry: Entry | None = None,
    **known: Any,
) -> ModelView:
    live = None
    if entry is not None and entry.state is not State.LOADING:
        held = stored("m", "held")
        live = on_cpu(held, FakeRunner(held))
    return model_view("m", spec, model, entry, live, Usage(), Usage(), FakeSystemClock(), **known)


def test_of_a_listed_model_without_weights_the_catalogue_speaks() -> None:
    model = view(spec=SPEC)

    assert (model.registered, model.version, model.labels, model.size) == (False, None, (), 0)
    assert (model.source, model.engine, model.priority) == ("Hugging Face", "pytorch", 2)


def test_of_a_registered_model_the_store_speaks() -> None:
    """Of what is in both too: what was registered is what is served."""
    model = view(spec=SPEC, model=stored("m"))

    assert (model.registered, model.version, model.labels) == (True, "v1", ("a", "b"))
    assert (model.source, model.engine, model.priority) == ("Local", "onnx", 2)


def test_of_a_live_model_its_runner_s_version_is_shown() -> None:
    """Not a newer one, which has been registered since."""
    assert view(model=stored("m", "newer"), entry=ENTRY).version == "held"


def test_a_model_that_nobody_lists_any_more_and_that_is_live_is_whole() -> None:
    """Its registration was deleted while it was resident."""
    model = view(entry=ENTRY)

    assert (model.registered, model.loaded, model.footprint) == (True, True, 100)
    assert (model.source, model.priority) == ("Local", Priority.LOW)


@pytest.mark.parametrize(
    ("state", "cached", "loaded", "footprint", "has_runner"),
    [
        (State.LOADING, True, False, 0, False),
        (State.RESIDENT, True, True, 100, True),
        (State.DRAINING, True, False, 100, True),
    ],
)
def test_a_state_says_what_is_shown(
    state: State, cached: bool, loaded: bool, footprint: int, has_runner: bool
) -> None:
    """Only what can answer now is loaded; bytes are shown until they are free."""
    entry = ENTRY._replace(state=state, footprint=footprint)

    model = view(model=stored("m"), entry=entry)

    assert (model.cached, model.loaded, model.footprint) == (cached, loaded, footprint)
    assert (model.runner is not None) == has_runner
    assert (model.loaded_at is not None) == loaded


def test_a_class_that_nobody_has_fixed_is_that_of_its_place() -> None:
    """What is not in memory ranks below all that is. Planted fault: medium for all of these."""
    standing = Standing(ENTRY, 3, Priority.HIGH, Hold.LEASED)

    resident, absent = view(entry=ENTRY, standing=standing), view(model=stored("m"))

    assert (resident.priority, resident.priority_fixed) == (Priority.HIGH, False)
    assert resident.standing is not None
    assert (resident.standing.place, resident.standing.held_by) == (3, "leased")
    assert (absent.priority, absent.priority_fixed, absent.standing) == (Priority.LOW, False, None)


def test_a_class_that_the_catalogue_fixes_is_shown_wherever_the_model_stands() -> None:
    standing = Standing(ENTRY, 1, Priority.LOW, None)

    model = view(spec=SPEC, entry=ENTRY, standing=standing)

    assert (model.priority, model.priority_fixed) == (Priority.HIGH, True)


@pytest.mark.parametrize(
    ("changes", "expires", "refreshed"),
    [
        ({}, None, None),
        ({"ttl": 60.0}, 65.0, None),
        ({"ttl": 60.0, "since": 30.0}, 90.0, 30.0),
        ({"ttl": 60.0, "keep_alive": 5.0, "last_used": 8.0}, 13.0, None),
        ({"ttl": 60.0, "keep_alive": inf}, None, None),
        ({"ttl": 60.0, "pinned": True}, None, None),
        ({"ttl": 60.0, "leases": 1}, 65.0, None),
    ],
    ids=["no TTL", "TTL", "refreshed", "keep-alive", "for ever", "pinned", "in use"],
)
def test_a_resident_says_when_it_expires_if_nobody_asks(
    changes: dict[str, Any], expires: float | None, refreshed: float | None
) -> None:
    """Of one in use: as if it were idle from now on."""
    entry = ENTRY._replace(landed=5.0, **changes)

    lifetime = view(entry=entry).lifetime

    clock = FakeSystemClock()
    assert lifetime is not None
    assert lifetime.expires_at == (None if expires is None else clock.utc(expires))
    assert lifetime.refreshed_at == (None if refreshed is None else clock.utc(refreshed))


def test_what_is_not_resident_has_no_lifetime() -> None:
    assert view(entry=ENTRY._replace(state=State.DRAINING, ttl=60.0)).lifetime is None
    assert view(model=stored("m")).lifetime is None


def test_a_quarantine_says_how_often_why_and_until_when() -> None:
    model = view(model=stored("m"), suspension=Suspension(2, "damaged", 7.0))

    assert model.quarantine == QuarantineView(2, "damaged", FakeSystemClock().utc(7.0))


def test_of_a_registered_model_it_is_told_how_it_was_made() -> None:
    made = Compiled(
        Parity(0.998, 0.05, 512, "the fp32 graph"),
        {"onnx": "1"},
        {"int8": "slower"},
        first_token_only=True,
    )
    shown = overviews.model(view(model=replace(stored("m"), precision="int8", compiled=made)))

    assert shown.compiled is not None
    assert shown.compiled.model_dump() == {
        "precision": "int8",
        "parity": {
            "agreement": 0.998, "largest_shift": 0.05, "texts": 512, "reference": "the fp32 graph"
        },
        "tools": {"onnx": "1"},
        "refused": {"int8": "slower"},
        "first_token_only": True,
    }  # fmt: skip


def test_of_what_an_earlier_release_registered_nothing_is_told_of_its_making() -> None:
    assert overviews.model(view(model=stored("m"))).compiled is None

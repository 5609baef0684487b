"""What is known, as views: each source of it alone."""

from dataclasses import replace
from typing import cast

import pytest

from cache.ledger import Entry, State
from cache.ports import Priority
from models.config import ServingConfig
from models.describe import model_view, system_view
from models.figures import Figures
from models.loader import LiveModel
from models.memory import Sample
from models.runner import Runner
from models.spec import ModelSpec, StoredModel
from models.usage import Usage
from models.views import ModelView
from tests.aio.test_directory import stored
from tests.fakes_serving import Audience, FakeRunner, FakeSystemClock

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
    spec: ModelSpec | None = None, model: StoredModel | None = None, entry: Entry | None = None
) -> ModelView:
    live = None
    if entry is not None and entry.state is not State.LOADING:
        held = stored("m", "held")
        live = LiveModel(held, cast("Runner", FakeRunner(held)))
    return model_view("m", spec, model, entry, live, Usage(), FakeSystemClock())


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
    assert (model.source, model.priority) == ("Local", Priority.MEDIUM)


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
    entry = replace(ENTRY, state=state, footprint=footprint)

    model = view(model=stored("m"), entry=entry)

    assert (model.cached, model.loaded, model.footprint) == (cached, loaded, footprint)
    assert (model.runner is not None) == has_runner
    assert (model.loaded_at is not None) == loaded


def test_the_budget_is_a_part_of_the_limit_less_the_own_use() -> None:
    """And `memory` is the whole tree."""
    figures = Figures(FakeSystemClock(), Audience())

    system = system_view(Sample(100, 400, 0.0), 300, 1000, ServingConfig(), figures, 7.0)

    assert (system.own, system.budget, system.tracked) == (100, 700, 300)
    assert (system.memory.used, system.memory.fraction) == (400, 0.4)
    assert (system.uptime_seconds, system.last_cleanup) == (7.0, None)

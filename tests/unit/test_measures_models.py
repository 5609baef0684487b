"""Series by model that are read off the views."""

from dataclasses import replace
from datetime import timedelta

from api.exposition import MAX_MODEL_LABELS
from api.measures_models import of_models
from models.views.model import ModelView, QuarantineView
from models.views.performance import Performance
from tests.fakes_models import MOMENT, FakeModel


def view(name: str = "mine", **state: object) -> ModelView:
    return FakeModel(name, 100, **state).view()  # type: ignore[arg-type]


def shown(*views: ModelView) -> dict[tuple[str, str], float]:
    """Each sample by its name, without our prefix, and its model; "" for none."""
    return {
        (series.name.removeprefix("model_cache_"), dict(series.labels).get("model", "")): (
            series.value
        )
        for family in of_models(views, MOMENT)
        for series in family.series
    }


def failed(name: str, failures: int, seconds: float) -> ModelView:
    """It is tried again `seconds` from now."""
    until = MOMENT + timedelta(seconds=seconds)
    return view(name, quarantine=QuarantineView(failures, "damaged", until))


def test_a_model_that_was_never_loaded_has_its_counters_at_zero() -> None:
    """A rate needs a zero to begin at. Seen failing with models shown once they are in memory."""
    assert shown(view()) == {
        ("quarantined", ""): 0,
        ("failures_in_a_row", "mine"): 0,
        ("loads_total", "mine"): 0,
        ("inference_seconds_sum", "mine"): 0,
        ("inference_seconds_count", "mine"): 0,
    }


def test_what_the_last_load_and_warm_up_took_is_shown_when_there_was_one() -> None:
    """Seen failing with the two exchanged."""
    seen = shown(view(resident=True, loads=3, warmed_up=True))

    assert seen["last_load_seconds", "mine"] == 2.5
    assert seen["last_warmup_seconds", "mine"] == 1.2
    assert seen["loads_total", "mine"] == 3


def test_inference_is_counted_without_what_the_prediction_cache_answered() -> None:
    """Else its average would look better than it is. Seen failing with all predictions counted."""
    counted = Performance(10, 9, 1, 0.5, 1, 2.5, cached=4, joined=2)
    seen = shown(replace(view(), performance=counted))

    assert seen["inference_seconds_count", "mine"] == 4
    assert seen["inference_seconds_sum", "mine"] == 2


def test_versions_in_memory_add_their_bytes_to_the_name_and_no_counts() -> None:
    """What is counted of a name has its versions in it. Seen failing with loads added, too."""
    seen = shown(
        view(resident=True, loads=2), replace(view(resident=True, loads=1), name="mine:v0")
    )

    assert seen["resident_bytes", "mine"] == 200
    assert seen["loads_total", "mine"] == 2


def test_what_is_not_in_memory_takes_no_bytes() -> None:
    assert ("resident_bytes", "mine") not in shown(view())


def test_a_model_is_in_quarantine_until_it_may_be_tried_again() -> None:
    """Its failures are held against it until a load goes well. Seen failing with both the same."""
    seen = shown(failed("left-alone", 3, seconds=5), failed("to-be-tried", 2, seconds=-5))

    assert seen["quarantined", ""] == 1
    assert seen["failures_in_a_row", "left-alone"] == 3
    assert seen["failures_in_a_row", "to-be-tried"] == 2


def test_a_model_without_weights_has_no_series() -> None:
    assert shown(view(registered=False)) == {("quarantined", ""): 0}


def test_too_many_models_share_one_label() -> None:
    """Seen failing without the bound."""
    views = [view(f"model-{n}", resident=True, loads=1) for n in range(MAX_MODEL_LABELS + 5)]
    seen = shown(*views)

    assert seen["resident_bytes", "other"] == 500
    assert seen["last_load_seconds", "other"] == 2.5
    assert sum(name == "resident_bytes" for name, _ in seen) == MAX_MODEL_LABELS + 1

"""The text of /metrics: what the observer saw, rendered so that Prometheus takes it."""

import asyncio
import re
import subprocess

from prometheus_client.parser import text_string_to_metric_families

from api.codes import CODES
from api.exposition import MAX_MODEL_LABELS, Family, Series, lines
from api.metrics import Metrics
from cache.events import Cause, LoadFailed, LoadFinished, LoadStarted, Refreshed, Removed
from models.port import Predicted, RefreshFailed, WarmedUp
from tests.fakes_api import BUDGET, TRACKED, FakeUseCases
from tests.fakes_models import DEBERTA, LIMIT, MOMENT
from tests.tools import debian_tool

# Names that docs/endpoints.md fixes, against promtool's taste.
FIXED_BY_THE_CONTRACT = {
    "model_cache_models_total",
    "model_cache_inference_time_ms",
    "model_cache_memory_cleanup_mb",
    "model_cache_memory_usage_mb",
}


def used_metrics() -> Metrics:
    metrics = Metrics()
    metrics(LoadStarted(DEBERTA, 0.0, 1))
    metrics(LoadFinished(DEBERTA, 0.0, 2.5, 1))
    metrics(LoadFailed(DEBERTA, 0.0, "damaged"))
    metrics(Removed(DEBERTA, 0.0, Cause.EVICTED, 1))
    metrics(Predicted(DEBERTA, 0.045, 0.05))
    metrics(WarmedUp(DEBERTA, 1.2))
    metrics(Refreshed(f"{DEBERTA}:v1", 0.0))
    metrics(RefreshFailed(f"{DEBERTA}:v1", 0.0, "timed out"))
    return metrics


def rendered(metrics: Metrics, fake: FakeUseCases | None = None) -> str:
    fake = fake or FakeUseCases()

    async def render() -> bytes:
        return metrics.render(await fake.cache(), await fake.system(), ready=fake.ready, now=MOMENT)

    return asyncio.run(render()).decode()


def sample(text: str, start: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return line.rpartition(" ")[2]


def test_what_was_observed_is_counted() -> None:
    """Seen failing with Predicted observed by its inference time."""
    text = rendered(used_metrics())
    label = f'{{model="{DEBERTA}"}}'

    assert sample(text, f"model_cache_prediction_seconds_sum{label}") == "0.05"
    assert sample(text, f"model_cache_load_seconds_sum{label}") == "2.5"
    assert sample(text, f"model_cache_warmup_seconds_count{label}") == "1"
    assert sample(text, f"model_cache_load_failures_total{label}") == "1"
    assert sample(text, 'model_cache_removals_total{cause="evicted"}') == "1"
    assert sample(text, 'model_cache_removals_total{cause="expired"}') == "0"


def test_every_cause_of_removal_has_a_series_from_the_start() -> None:
    """A rate needs a zero to begin at. Seen failing with series made by their first event."""
    text = rendered(Metrics())

    assert {sample(text, f'model_cache_removals_total{{cause="{cause}"}}') for cause in Cause} == {
        "0"
    }


def test_every_code_of_an_error_has_a_series_from_the_start() -> None:
    """Planted fault: series made by their first error."""
    metrics = Metrics()
    metrics.count_error("OVERLOADED")
    text = rendered(metrics)

    assert sample(text, 'model_cache_errors_total{code="OVERLOADED"}') == "1"
    assert {
        sample(text, f'model_cache_errors_total{{code="{code}"}}')
        for code in CODES
        if code != "OVERLOADED"
    } == {"0"}


def test_refreshes_are_counted_by_model_and_result() -> None:
    """Seen failing with a failed refresh counted as one that went well."""
    metrics = used_metrics()
    metrics(Refreshed(f"{DEBERTA}:v1", 0.0))
    series = f'model_cache_refreshes_total{{model="{DEBERTA}",result='

    assert sample(rendered(metrics), f'{series}"ok"}}') == "2"
    assert sample(rendered(metrics), f'{series}"failed"}}') == "1"


def test_the_budget_and_who_waits_for_it_are_shown() -> None:
    """In bytes, the base unit. Seen failing with budget and tracked exchanged."""
    text = rendered(Metrics())

    assert sample(text, "model_cache_budget_bytes ") == str(BUDGET)
    assert sample(text, "model_cache_tracked_bytes ") == str(TRACKED)
    assert sample(text, "model_cache_waiting ") == "3"


def test_memory_of_the_processes_is_shown_against_the_limit() -> None:
    """Not of the models alone, as the contract's. Seen failing with used and own exchanged."""
    text = rendered(Metrics())

    assert sample(text, "model_cache_limit_bytes ") == str(LIMIT)
    assert sample(text, "model_cache_used_bytes ") == "2048500000"
    assert sample(text, "model_cache_own_bytes ") == "310200000"
    assert sample(text, "model_cache_uptime_seconds ") == "86400.4"


def test_readiness_is_shown_as_it_is() -> None:
    """Seen failing with a series that is always 1."""
    assert sample(rendered(Metrics()), "model_cache_ready ") == "1"
    assert sample(rendered(Metrics(), FakeUseCases(closing=True)), "model_cache_ready ") == "0"


def test_the_prediction_cache_has_series_of_its_own() -> None:
    """In bytes and counts. Seen failing with hits and misses exchanged."""
    text = rendered(Metrics())
    start = "model_cache_prediction_cache"

    assert {
        name: sample(text, f"{start}_{name} ")
        for name in ("capacity_bytes", "bytes", "entries", "models_off")
    } == {"capacity_bytes": "32000000", "bytes": "1500000", "entries": "2000", "models_off": "1"}
    assert [
        sample(text, f"{start}_{name}_total ")
        for name in ("hits", "misses", "bypassed", "joined", "evictions")
    ] == ["30", "60", "10", "5", "4"]


def test_nothing_that_prometheus_client_adds_is_shown() -> None:
    """Seen failing with the `_created` samples let through."""
    assert "_created" not in rendered(used_metrics())


def test_versions_and_too_many_models_do_not_make_new_series() -> None:
    """Seen failing with the key used as the label."""
    metrics = Metrics()
    for number in range(MAX_MODEL_LABELS + 50):
        metrics(Predicted(f"model-{number}:v1", 0.1, 0.1))
        metrics(Predicted(f"model-{number}:v2", 0.1, 0.1))
    text = rendered(metrics)
    labels = set(re.findall(r'prediction_seconds_count{model="([^"]+)"}', text))

    assert len(labels) == MAX_MODEL_LABELS + 1
    assert "model-0" in labels
    assert sample(text, 'model_cache_prediction_seconds_count{model="other"}') == "100"


def test_labels_and_help_texts_are_escaped() -> None:
    family = Family("x", 'a\\b\n"c"', "gauge", (Series("x", 1, (("l", 'a\\b\n"c"'),)),))

    assert list(lines(family)) == [
        r'# HELP x a\\b\n"c"',
        "# TYPE x gauge",
        r'x{l="a\\b\n\"c\""} 1',
    ]


def test_the_text_can_be_parsed_again() -> None:
    families = {family.name for family in text_string_to_metric_families(rendered(used_metrics()))}

    assert "model_cache_hit_rate" in families
    assert "model_cache_prediction_seconds" in families


def test_promtool_complains_of_nothing_but_names_that_the_contract_fixes() -> None:
    """Seen failing with a histogram named in ms."""
    promtool = debian_tool("promtool")
    told = subprocess.run(
        [promtool, "check", "metrics"],
        input=rendered(used_metrics()),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    complaints = [line for line in (told.stdout + told.stderr).splitlines() if line.strip()]

    assert {line.split()[0] for line in complaints} <= FIXED_BY_THE_CONTRACT, complaints

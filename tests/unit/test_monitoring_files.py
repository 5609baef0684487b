"""What is below deploy/prometheus and deploy/grafana: as promtool, the service and the docs say."""

import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.dashboard import OUTPUT, dashboard, text
from tests.tools import debian_tool
from tests.unit.test_metrics import rendered, used_metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
TESTS = sorted(str(path.relative_to(FOLDER)) for path in (FOLDER / "tests").glob("*.yml"))
yaml: Any = importlib.import_module("yaml")


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = rules("alerts.yml")
NAMES = [alert["alert"] for alert in ALERTS]


def queries() -> Iterator[str]:
    """Every expression of the rules, the alerts and the dashboard."""
    yield from (rule["expr"] for rule in (*rules("rules.yml"), *ALERTS))
    for panel in dashboard()["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def words(query: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_:][\w:]*", query))


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml", "alerts.yml"),
        ("test", "rules", *TESTS),
    ],
    ids=["config", "rules", "tests of the rules"],
)
def test_promtool_finds_nothing_wrong(command: tuple[str, ...]) -> None:
    """Planted faults: an alert without its `for`; a comparison the wrong way round."""
    told = subprocess.run(
        [debian_tool("promtool"), *command],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert told.returncode == 0, told.stdout + told.stderr


def test_every_metric_that_is_asked_for_is_one_that_the_service_shows() -> None:
    """Planted fault: a query for `model_cache_queue`."""
    samples = re.findall(r"^(model_cache_\w+)", rendered(used_metrics()), re.MULTILINE)
    later = {"model_cache_last_load_seconds", "model_cache_last_warmup_seconds"}
    asked = {word for query in queries() for word in words(query) if word.startswith("model_cache")}

    assert asked - set(samples) - {"model_cache_resident_bytes"} - later == set()


def test_every_rule_that_an_alert_builds_on_is_recorded() -> None:
    recorded = {rule["record"] for rule in rules("rules.yml")}
    asked = {word for query in queries() for word in words(query) if ":model_cache_" in word}

    assert asked <= recorded


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description"}


def test_every_alert_is_tested_to_fire_and_every_test_has_a_moment_of_silence() -> None:
    """Planted fault: an alert that no test names."""
    cases = yaml.safe_load((FOLDER / "tests" / "alerts.yml").read_text())["tests"]
    checks = [check for case in cases for check in case.get("promql_expr_test", ())]
    firing = " ".join(str(check.get("exp_samples", "")) for check in checks)

    assert [name for name in NAMES if f'alertname="{name}"' not in firing] == []
    assert all(
        any("exp_samples" not in check for check in case["promql_expr_test"])
        for case in cases
        if "promql_expr_test" in case
    )


def test_every_alert_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()

    assert [name for name in NAMES if f"`{name}`" not in page] == []


def test_the_dashboard_is_the_one_that_its_script_writes() -> None:
    """Else: python -m deploy.grafana.dashboard."""
    assert OUTPUT.read_text() == text()


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    """Planted fault: a row that is one too high."""
    panels = dashboard()["panels"]
    taken = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["w"])
        for y in range(place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24

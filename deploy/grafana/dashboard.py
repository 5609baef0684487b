# ruff: noqa: INP001
"""Writes dashboards/model-cache.json: `python -m deploy.grafana.dashboard` at the root."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.grafana.panel import ONE, Panel
from deploy.grafana.panels import ROWS

OUTPUT = Path(__file__).parent / "dashboards" / "model-cache.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


def dashboard() -> dict[str, Any]:
    return {
        "uid": "model-cache",
        "title": "Model cache",
        "description": "What the Model Cache Service holds in memory, and how it answers.",
        "tags": ["model-cache"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": variables()},
        "panels": list(placed()),
    }


def variables() -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }
    instances = 'label_values(up{job="model-cache"}, instance)'
    models = f"label_values(model_cache_failures_in_a_row{{{ONE}}}, model)"
    return [
        source,
        choice("instance", "Instance", instances),
        choice("model", "Model", models),
    ]


def choice(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"{name}-variable"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "hide": 0,
    }


def placed() -> Iterator[dict[str, Any]]:
    """Yield the panels from left to right and from top to bottom, each row below its heading."""
    number, top = 0, 0
    for title, (panels, height) in ROWS.items():
        number += 1
        yield heading(number, title, top)
        left, top = 0, top + 1
        for panel in panels:
            if left + panel.width > WIDTH:
                left, top = 0, top + height
            number += 1
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            yield {"id": number, "gridPos": place, **drawn(panel)}
            left += panel.width
        top += height


def heading(number: int, title: str, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
    return {
        "id": number,
        "type": "row",
        "title": title,
        "gridPos": place,
        "collapsed": False,
        "panels": [],
    }


def drawn(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "targets": [
            target(chr(ord("A") + n), name, query)
            for n, (name, query) in enumerate(panel.queries.items())
        ],
        "fieldConfig": {"defaults": defaults(panel), "overrides": limits(panel.lines)},
        "options": options(panel),
    }


def target(ref: str, name: str, query: str) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasource": SOURCE,
        "expr": query,
        "legendFormat": name or "__auto",
        "range": True,
        "instant": False,
    }


def defaults(panel: Panel) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"color": colour, "value": value} for value, colour in panel.steps],
        },
    }
    if panel.most is not None:
        chosen["max"] = panel.most
    if panel.words:
        words = {key: {"text": word} for key, word in panel.words.items()}
        chosen["mappings"] = [{"type": "value", "options": words}]
    if panel.kind == "timeseries":
        chosen["custom"] = style(panel)
    return chosen


def style(panel: Panel) -> dict[str, Any]:
    return {
        "drawStyle": "bars" if panel.bars else "line",
        "lineWidth": 1,
        "fillOpacity": 60 if panel.bars else 30 if panel.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if len(panel.steps) > 1 else "off"},
    }


def limits(names: Sequence[str]) -> list[dict[str, Any]]:
    """Draw these as dashed lines of their own, whatever is stacked."""
    plain = [
        {"id": "custom.stacking", "value": {"mode": "none", "group": "A"}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
    ]
    return [{"matcher": {"id": "byName", "options": name}, "properties": plain} for name in names]


def options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
            "textMode": "auto",
        }
    return {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def text() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")

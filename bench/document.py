"""The page of all figures, and what it is written from: a JSON file beside it.

A run replaces the topics it measured and leaves the others, each with its own date and machine.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures import shown
from bench.report import Report, as_data, section_lines, table_lines

HEAD = Path(__file__).parent / "page.md"

_SUMMARY = ("Figure", "Bar", "Measured", "Verdict")


def write_page(page: Path, reports: Sequence[Report]) -> None:
    """Write `page` and the JSON file of the same name."""
    data = page.with_suffix(".json")
    known = json.loads(data.read_text(encoding="utf-8")) if data.is_file() else {}
    known |= {report.topic: as_data(report) for report in reports}
    data.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(as_page(known), encoding="utf-8")


def as_page(known: Mapping[str, Mapping[str, Any]]) -> str:
    summary = table_lines(("Topic", *_SUMMARY), _summary(known))
    lines = [HEAD.read_text(encoding="utf-8"), "## All bars", "", *summary, ""]
    for topic, found in known.items():
        about = ", ".join(f"{name} {shown(value)}" for name, value in found["about"].items())
        lines += [f"## {topic}", "", about, ""]
        if found["quick"]:
            lines += ["A quick run: its figures mean nothing.", ""]
        for name, part in found["parts"].items():
            bars = [bar for bar in found["bars"] if bar["part"] == name]
            lines += section_lines(name, part["note"], part["tables"], bars)
    return "\n".join(lines).rstrip() + "\n"


def _summary(known: Mapping[str, Mapping[str, Any]]) -> Sequence[Sequence[object]]:
    rows = []
    for topic, found in known.items():
        for bar in found["bars"]:
            where = topic if bar["part"] == topic else f"{topic}, {bar['part']}"
            verdict = "met" if bar["met"] else "**missed**"
            rows.append((where, bar["name"], bar["bar"], bar["figure"], verdict))
    return rows

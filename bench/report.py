"""What a run found: bars with verdicts, tables for people, data for programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.figures import shown


@dataclass(frozen=True, slots=True)
class Bar:
    """What was asked for, in words, the figure (None: nothing to measure), and the verdict."""

    name: str
    bar: str
    figure: float | None
    met: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of figures under a title; each row is as long as `columns`."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Section:
    """What one part of a topic found. `note` says how it was measured; `data` is JSON."""

    name: str
    note: str = ""
    tables: Sequence[Table] = ()
    bars: Sequence[Bar] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """One run. With `quick` the figures prove that the bench works, and nothing else."""

    topic: str
    about: Mapping[str, Any]
    quick: bool
    sections: Sequence[Section]

    @property
    def bars(self) -> tuple[Bar, ...]:
        return tuple(bar for section in self.sections for bar in section.bars)

    @property
    def met(self) -> bool:
        return self.quick or all(bar.met for bar in self.bars)


def as_data(report: Report) -> dict[str, Any]:
    """What JSON can say of a run."""
    return {
        "topic": report.topic,
        "about": dict(report.about),
        "quick": report.quick,
        "bars": [
            {"part": section.name, **asdict(bar)}
            for section in report.sections
            for bar in section.bars
        ],
        "parts": {
            section.name: {
                "note": section.note,
                "tables": [asdict(table) for table in section.tables],
                **section.data,
            }
            for section in report.sections
        },
    }


def as_json(reports: Sequence[Report]) -> str:
    """One run by itself, several by their topics."""
    by_topic = {report.topic: as_data(report) for report in reports}
    document = by_topic if len(reports) > 1 else as_data(reports[0])
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def as_markdown(report: Report) -> str:
    about = ", ".join(f"{name} {shown(value)}" for name, value in report.about.items())
    lines = [f"## {report.topic}", "", about, ""]
    if report.quick:
        lines += ["A quick run: it shows that the bench works, and its figures mean nothing.", ""]
    for section in report.sections:
        tables = [asdict(table) for table in section.tables]
        bars = [asdict(bar) for bar in section.bars]
        lines += section_lines(section.name, section.note, tables, bars)
    return "\n".join(lines).rstrip() + "\n"


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A Markdown table; the first column is text, the others are figures."""
    ends = ["---", *["---:"] * (len(columns) - 1)]
    cells = [list(columns), ends, *[[shown(cell) for cell in row] for row in rows]]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]


def section_lines(
    name: str,
    note: str,
    tables: Sequence[Mapping[str, Any]],
    bars: Sequence[Mapping[str, Any]],
) -> list[str]:
    """A part of a report, from what is in its data."""
    lines = [f"### {name}", "", note, ""]
    for table in tables:
        lines += [f"**{table['title']}**", "", *table_lines(table["columns"], table["rows"]), ""]
    if bars:
        rows = [
            (bar["name"], bar["bar"], bar["figure"], "met" if bar["met"] else "**missed**")
            for bar in bars
        ]
        lines += [*table_lines(("Bar", "Asked for", "Figure", "Verdict"), rows), ""]
    return lines

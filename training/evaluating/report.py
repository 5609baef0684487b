"""An evaluation as Markdown, for people."""

from collections.abc import Iterable, Sequence

from training.evaluating.bars import missed
from training.evaluating.figures import Figures, OfSource
from training.evaluating.findings import Findings

_NONE = "-"


def markdown(findings: Findings) -> str:
    """Ends with a line end; figures are rounded for reading."""
    parts = [
        f"# {findings.answers.model.name} on {findings.data}",
        _told(findings),
        _summary(findings),
        "## By class",
        _classes(findings.figures),
        "## Harmless or not, by source",
        _sources(findings),
        "## Confusion (rows: what it is; columns: what the model says)",
        _confusion(findings.figures),
        "## Can the confidence be believed",
        _reliability(findings.figures),
        *_bars(findings),
    ]
    return "\n\n".join(parts) + "\n"


def _told(findings: Findings) -> str:
    answers = findings.answers
    text = (
        f"{findings.figures.texts:,} texts, {findings.how}, {answers.at_once} at a time:"
        f" {answers.seconds:.1f} s, {findings.texts_per_second:,.0f} texts a second."
    )
    if answers.truncated:
        text += f" Of {answers.truncated:,} the model did not read all."
    return text


def _summary(findings: Findings) -> str:
    figures, latency = findings.figures, findings.latency
    rows = [
        ("macro-F1", _score(figures.macro_f1)),
        ("accuracy", _score(figures.accuracy)),
        ("expected calibration error", _score(figures.calibration.ece)),
        ("maximum calibration error", _score(figures.calibration.mce)),
        (
            f"ms a text, one at a time ({latency.texts} texts): mean; p50; p99",
            f"{latency.mean_ms:.2f}; {latency.p50_ms:.2f}; {latency.p99_ms:.2f}",
        ),
    ]
    return _table(("figure", "value"), rows)


def _classes(figures: Figures) -> str:
    rows = [
        (one.label, f"{one.texts:,}", _score(one.precision), _score(one.recall), _score(one.f1))
        for one in figures.classes
    ]
    return _table(("class", "texts", "precision", "recall", "F1"), rows)


def _sources(findings: Findings) -> str:
    together = findings.figures.together
    if together is None:
        return "The model has no label for harmless texts; --harmless names one."
    rows = [_source(one) for one in (*findings.figures.sources, together)]
    harmless = findings.answers.model.harmless
    return (
        _table(("source", "harmless texts called an attack", "attacks called harmless"), rows)
        + f"\n\nHarmless is `{harmless}`; every other class is an attack."
    )


def _source(one: OfSource) -> tuple[str, str, str]:
    return (
        one.source,
        _part(one.flagged, one.harmless, one.flagged_rate),
        _part(one.missed, one.attacks, one.missed_rate),
    )


def _part(some: int, of: int, rate: float | None) -> str:
    return _NONE if rate is None else f"{some:,} of {of:,} ({rate:.1%})"


def _confusion(figures: Figures) -> str:
    labels = [one.label for one in figures.classes]
    rows = [
        (label, *(f"{count:,}" for count in line))
        for label, line in zip(labels, figures.confusion, strict=True)
    ]
    return _table(("", *labels), rows)


def _reliability(figures: Figures) -> str:
    rows = [
        (
            f"{one.low:.3f} to {one.high:.3f}",
            f"{one.texts:,}",
            _score(one.confidence),
            _score(one.accuracy),
            f"{one.gap:.3f}",
        )
        for one in figures.calibration.bins
        if one.texts
    ]
    return _table(("confidence", "texts", "mean confidence", "accuracy", "apart by"), rows)


def _bars(findings: Findings) -> list[str]:
    if not findings.bars:
        return []
    failed = missed(findings.bars, findings.metrics)
    held = f"{len(findings.bars) - len(failed)} of {len(findings.bars)} bars are held."
    return ["## Bars", "\n".join([held, *(f"- missed: {line}" for line in failed)])]


def _score(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column to the left, figures to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

"""An evaluation as JSON, for programs: every figure, unrounded, under names that stay."""

import json
from typing import Any

from training.evaluating.bars import Bar
from training.evaluating.figures import Figures, OfSource
from training.evaluating.findings import Findings


def document(findings: Findings) -> str:
    """What is not defined is null."""
    answers, figures = findings.answers, findings.figures
    return (
        json.dumps(
            {
                "model": {
                    "name": answers.model.name,
                    "labels": list(answers.model.labels),
                    "harmless": answers.model.harmless,
                },
                "data": {
                    "file": findings.data,
                    "sha256": findings.digest,
                    "texts": figures.texts,
                    "truncated": answers.truncated,
                },
                "metrics": dict(findings.metrics),
                "classes": _classes(figures),
                "sources": {one.source: _source(one) for one in figures.sources},
                "confusion": [list(line) for line in figures.confusion],
                "reliability": _reliability(figures),
                "speed": {
                    "how": findings.how,
                    "seconds": answers.seconds,
                    "at_once": answers.at_once,
                    "texts_per_second": findings.texts_per_second,
                    "latency_texts": findings.latency.texts,
                },
                "bars": [_bar(bar, findings) for bar in findings.bars],
            },
            indent=2,
            ensure_ascii=False,
            allow_nan=False,
        )
        + "\n"
    )


def _classes(figures: Figures) -> dict[str, Any]:
    return {
        one.label: {
            "texts": one.texts,
            "precision": one.precision,
            "recall": one.recall,
            "f1": one.f1,
        }
        for one in figures.classes
    }


def _source(one: OfSource) -> dict[str, Any]:
    return {
        "harmless": one.harmless,
        "flagged": one.flagged,
        "flagged_rate": one.flagged_rate,
        "attacks": one.attacks,
        "missed": one.missed,
        "missed_rate": one.missed_rate,
    }


def _reliability(figures: Figures) -> list[dict[str, Any]]:
    return [
        {
            "low": one.low,
            "high": one.high,
            "texts": one.texts,
            "confidence": one.confidence,
            "accuracy": one.accuracy,
        }
        for one in figures.calibration.bins
    ]


def _bar(bar: Bar, findings: Findings) -> dict[str, Any]:
    return {
        "metric": bar.metric,
        "value": bar.value,
        "must_not_be": "below" if bar.least else "above",
        "found": findings.metrics.get(bar.metric),
        "held": bar.holds(findings.metrics),
    }

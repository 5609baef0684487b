"""From reports to the answers of the POST routes.

A prediction is a plain dict, because it is on the hot path; a test holds it to its schema.
"""

from collections.abc import Sequence
from typing import Any

from api import schemas as out
from api.units import mb, ms, now, seconds
from models.views.operations import CleanupReport, LoadReport, PinReport, UnloadReport, WarmupReport
from models.views.prediction import Prediction


def load(report: LoadReport) -> out.LoadOut:
    return out.LoadOut(
        message=f"Model {report.name} loaded successfully",
        model_name=report.name,
        load_time_seconds=seconds(report.seconds),
        memory_usage_mb=mb(report.footprint),
        cache_status="loaded",
        timestamp=now(),
    )


def unload(report: UnloadReport) -> out.UnloadOut:
    return out.UnloadOut(
        message=f"Model {report.name} unloaded successfully",
        model_name=report.name,
        memory_freed_mb=mb(report.freed),
        cache_status="unloaded",
        timestamp=now(),
    )


def pin(report: PinReport) -> out.PinOut:
    done = "pinned" if report.pinned else "unpinned"
    return out.PinOut(
        message=f"Model {report.name} {done} successfully",
        model_name=report.name,
        pinned=report.pinned,
        cached=report.cached,
        timestamp=now(),
    )


def warmup(report: WarmupReport) -> out.WarmupOut:
    return out.WarmupOut(
        message=f"Model {report.name} warmed up successfully",
        model_name=report.name,
        warmup_requests=report.requests,
        warmup_time_seconds=seconds(report.seconds),
        avg_response_time_ms=ms(report.average_seconds),
        warmup_status="completed",
        timestamp=now(),
    )


def warmup_started(name: str, requests: int) -> out.WarmupStartedOut:
    return out.WarmupStartedOut(
        message=f"Warmup of model {name} started",
        model_name=name,
        warmup_requests=requests,
        warmup_status="started",
        timestamp=now(),
    )


def prediction(answer: Prediction) -> dict[str, Any]:
    return {
        "text": answer.text,
        "prediction": answer.label,
        "confidence": round(answer.confidence, 6),
        "probabilities": {label: round(p, 6) for label, p in answer.probabilities.items()},
        "model_used": answer.model_used,
        "model_version": answer.version,
        "cache_hit": answer.cache_hit,
        "prediction_cached": answer.cached,
        "truncated": answer.truncated,
        "windows": answer.windows,
        "processing_time_ms": ms(answer.processing_seconds),
        "timestamp": now(),
    }


def predictions(answers: Sequence[Prediction]) -> dict[str, Any]:
    return {
        "results": [prediction(answer) for answer in answers],
        "model_used": answers[0].model_used,
        "timestamp": now(),
    }


def cleanup(report: CleanupReport) -> out.CleanupOut:
    return out.CleanupOut.model_validate(
        {
            "message": "Memory cleanup completed",
            "cleanup_summary": {
                "models_unloaded": len(report.unloaded),
                "memory_freed_mb": mb(report.freed),
                "models_affected": list(report.unloaded),
                "cleanup_reason": report.reason,
            },
            "memory_usage": {
                "before_mb": mb(report.before),
                "after_mb": mb(report.after),
                "freed_mb": mb(report.freed),
            },
            "cache_status": "optimized",
            "timestamp": now(),
        }
    )

"""Examples of what explains the cache: plans, pins and events; for OpenAPI."""

from typing import Any

MOMENT = "2024-01-01T00:00:00Z"
NAME = "deberta-v3-base_pretrained"
OTHER = "roberta-base_pretrained"
SMALL = "distilbert-base-uncased_pretrained"


def _standing(name: str, rank: int, size: float, held_by: str | None) -> dict[str, Any]:
    return {
        "model": name,
        "rank": rank,
        "class": "medium",
        "class_fixed": False,
        "score": 0.25 * rank,
        "memory_mb": size,
        "charged_mb": round(1.15 * size, 1),
        "last_used": MOMENT,
        "held_by": held_by,
    }


def _event(number: int, kind: str, **applies: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("cause", "for_model", "memory_mb", "seconds", "error", "priority", "score")
    )
    head = {"id": number, "timestamp": MOMENT, "event": kind, "model": f"{OTHER}:k3q2vxbqgkwmqaav"}
    return {**head, **nothing, **applies}


LOAD_PLAN = {
    "message": f"Nothing was done; a load of model {NAME} would be: evict",
    "model_name": NAME,
    "dry_run": True,
    "decision": "evict",
    "reason": f"{OTHER} goes to make room",
    "needed_mb": 589.1,
    "budget_mb": 1000.0,
    "tracked_mb": 794.4,
    "victims": [_standing(OTHER, 1, 456.7, None)],
    "blockers": [],
    "others": [_standing(SMALL, 2, 234.1, "leased")],
    "timestamp": MOMENT,
}
CLEANUP_PLAN = {
    "message": "Nothing was done; this is what a cleanup would do",
    "dry_run": True,
    "cleanup_reason": "memory_threshold_exceeded",
    "memory_to_free_mb": 456.7,
    "expired": [],
    "evicted": [_standing(OTHER, 1, 456.7, None)],
    "others": [_standing(SMALL, 2, 234.1, "pinned")],
    "timestamp": MOMENT,
}
OF_SCHEMAS: dict[str, dict[str, Any]] = {
    "LoadPlanOut": LOAD_PLAN,
    "CleanupPlanOut": CLEANUP_PLAN,
    "QuarantineOut": {
        "failures": 2,
        "error": "the file model.onnx is damaged",
        "retry_at": MOMENT,
        "retry_after_seconds": 1.5,
    },
}
EVENTS = [
    _event(
        41,
        "draining",
        cause="evicted",
        for_model=f"{NAME}:v7jw2vhqgkwmqaav",
        seconds=612.5,
        priority="medium",
        score=0.25,
    ),
    _event(42, "removed", cause="evicted", for_model=f"{NAME}:v7jw2vhqgkwmqaav", memory_mb=456.7),
]
EVENT_LIST = {"events": EVENTS, "last_id": 42, "timestamp": MOMENT}
EVENT_STREAM = ": events follow\n\nid: 42\nevent: removed\ndata: {…}\n\n"
PINS: dict[str, dict[str, Any]] = {
    f"POST /models/{{model_name}}/{verb}": {
        "message": f"Model {NAME} {verb}ned successfully",
        "model_name": NAME,
        "pinned": verb == "pin",
        "cached": True,
        "timestamp": MOMENT,
    }
    for verb in ("pin", "unpin")
}

"""Examples of the routes about versions; for OpenAPI."""

from typing import Any

from api.examples_cache import MOMENT, NAME

VERSION = "5f0c1d9e7ab34268"
NEWER = "c2a4e81b90d5f367"
ALIAS_REQUEST = {"version": VERSION}


def _version(version: str, aliases: list[str], *, current: bool) -> dict[str, Any]:
    return {
        "version": version,
        "created_at": MOMENT,
        "engine": "onnx",
        "precision": "int8",
        "size_mb": 243.1,
        "aliases": aliases,
        "current": current,
        "state": "loaded" if current else "not_cached",
        "registered": True,
        "source": "Hugging Face",
        "origin": "hf:somebody/deberta-v3-base-prompt-attacks",
        "parity": {
            "agreement": 0.998,
            "largest_shift": 0.031,
            "texts": 512,
            "reference": "fp32 of the same graph",
        },
        "swap_failure": None,
        "quarantine": None,
    }


def _alias(version: str | None, previous: str | None, message: str) -> dict[str, Any]:
    return {
        "message": f"Alias champion of model {NAME} {message}",
        "model_name": NAME,
        "alias": "champion",
        "version": version,
        "previous_version": previous,
        "current": version or NEWER,
        "swap": "done",
        "error": None,
        "timestamp": MOMENT,
    }


FAILED = {
    **_version(NEWER, ["latest"], current=False),
    "swap_failure": {
        "error": f"{NAME}:{NEWER} answered (nan, nan), no probabilities",
        "at": MOMENT,
        "held": True,
    },
}
_ALIAS = "/models/{model_name}/aliases/{alias}"
OF_VERSIONS: dict[str, dict[str, Any]] = {
    "GET /models/{model_name}/versions": {
        "model_name": NAME,
        "current": VERSION,
        "aliases": {"champion": VERSION},
        "versions": [FAILED, _version(VERSION, ["champion"], current=True)],
        "timestamp": MOMENT,
    },
    f"PUT {_ALIAS}": _alias(VERSION, NEWER, f"names {VERSION}"),
    f"DELETE {_ALIAS}": _alias(None, VERSION, "is not set"),
}

"""docs/endpoints.md as data: what the contract tests hold the service to."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "endpoints.md"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One documented route; `response` is parsed JSON, or text for /metrics."""

    method: str
    path: str
    response: Any

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


def endpoints() -> tuple[Endpoint, ...]:
    """Read each section headed by a method and a path, with its first response block."""
    sections = re.split(r"^#### ", _text(), flags=re.MULTILINE)[1:]
    return tuple(_endpoint(section) for section in sections)


def overview() -> set[tuple[str, str]]:
    """Read method and path of each row of the overview table."""
    return set(re.findall(r"^\| (GET|POST) \| `([^`]+)` \|", _text(), flags=re.MULTILINE))


def error_example() -> dict[str, Any]:
    found = re.search(r"### Error Response Format\s+```json\n(.*?)```", _text(), re.DOTALL)
    assert found
    example: dict[str, Any] = json.loads(found[1])
    return example


def client_program(language: str) -> str:
    """Take the usage example in `language` (python or javascript) as written."""
    usage = _text().partition("## Usage Examples")[2]
    found = re.search(rf"```{language}\n(.*?)```", usage, re.DOTALL)
    assert found
    return found[1]


def _endpoint(section: str) -> Endpoint:
    heading = re.match(r"`(GET|POST) ([^`]+)`", section)
    block = re.search(r"\*\*Response\*\*:\n```(json)?\n(.*?)```", section, re.DOTALL)
    assert heading
    assert block
    response = json.loads(block[2]) if block[1] else block[2]
    return Endpoint(heading[1], heading[2], response)


def _text() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def mismatches(documented: Any, actual: Any, place: str = "$") -> list[str]:
    """Say where `actual` lacks a documented field or has it with another type."""
    if isinstance(documented, dict):
        if not isinstance(actual, dict):
            return [f"{place} is no object"]
        missing = [f"{place}.{key} is missing" for key in documented if key not in actual]
        shared = [key for key in documented if key in actual]
        return missing + [
            text
            for key in shared
            for text in mismatches(documented[key], actual[key], f"{place}.{key}")
        ]
    if isinstance(documented, list):
        return [] if isinstance(actual, list) else [f"{place} is no list"]
    if documented is None:
        return [] if actual is None or isinstance(actual, str) else [f"{place} is not null or text"]
    return [] if _same_type(documented, actual, place) else [f"{place} is {actual!r}"]


def _same_type(documented: Any, actual: Any, place: str) -> bool:
    """Compare JSON types; a size that happens to be documented as 0 may have a fraction."""
    if isinstance(documented, bool | str):
        return type(actual) is type(documented)
    fraction = isinstance(documented, float) or place.endswith("_mb")
    return type(actual) in ((int, float) if fraction else (int,))

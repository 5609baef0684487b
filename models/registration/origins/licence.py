"""The licence that comes with a model's files, as its author wrote it there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with BentoML

_MARK = "---"
_LONGEST = 100
_FRONT_MATTER = 65_536
"""Characters of a model card that are looked at; front matter is a page at most."""


def licence_in(folder: Path) -> str | None:
    """From the front matter of README.md (`license:`, a name for "other"), else from config.json.

    None where nothing is said, or nothing that can be read.
    """
    return licence_of(_front_matter(folder / "README.md")) or licence_of(
        _json(folder / "config.json")
    )


def licence_of(about: Mapping[str, Any]) -> str | None:
    """The value of `license`; of several all, and the name where it is "other"."""
    told = about.get("license")
    if told == "other":
        told = about.get("license_name") or told
    several = told if isinstance(told, list) else [told]
    words = [" ".join(one.split()) for one in several if isinstance(one, str)]
    return ", ".join(word for word in words if word)[:_LONGEST] or None


def _front_matter(file: Path) -> Mapping[str, Any]:
    """The YAML between two lines of dashes at the top."""
    head, *lines = [*_text(file).splitlines(), ""]
    if head.strip() != _MARK or _MARK not in lines:
        return {}
    try:
        document = yaml.safe_load("\n".join(lines[: lines.index(_MARK)]))
    except yaml.YAMLError:
        return {}
    return document if isinstance(document, dict) else {}


def _json(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(_text(file) or "null")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _text(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_FRONT_MATTER)
    except OSError:
        return ""

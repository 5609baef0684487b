"""Attack payloads from fray, as they are and carried in a request."""

import json
from collections.abc import Iterator

from models.labelled.rows import DataError
from training.dataset.archive import Packages
from training.dataset.sources.shared import kept

FOLDERS = ("command_injection", "sqli", "ssti", "xss", "xxe")
CARRIERS = ("{}", "user id = {}", "Please process the input {}", "Run: `{}`")


def texts(packages: Packages) -> Iterator[str]:
    """Raises DataError."""
    for folder in FOLDERS:
        for name in packages.names("fray", f"fray/payloads/{folder}", ".json"):
            for payload in _payloads(name, packages.text("fray", name)):
                yield from (kept(carrier.format(payload)) for carrier in CARRIERS)


def _payloads(name: str, text: str) -> Iterator[str]:
    try:
        listed = json.loads(text)["payloads"]
        found = [entry["payload"] for entry in listed]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{name} holds no list of payloads ({error!r})") from error
    yield from (payload for payload in found if isinstance(payload, str))

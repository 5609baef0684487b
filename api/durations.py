"""Keep-alives as callers write them: "5m", "1h30m", seconds as a number, or -1 for ever."""

import math
import re

FOREVER = math.inf
MAX_SECONDS = 10 * 365 * 86_400
FORMS = (
    'give a duration like "5m", "90s", "1h30m" or "500ms", a number of seconds, 0 to unload '
    "after the answer, or -1 to never expire; at most 10 years"
)
NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
PLAIN = re.compile(rf"(-)?{NUMBER}")
PARTS = re.compile(rf"(-)?(?:{NUMBER}h)?(?:{NUMBER}m)?(?:{NUMBER}s)?(?:{NUMBER}ms)?")
UNITS = (3600.0, 60.0, 1.0, 0.001)


def parse_duration(value: object) -> float:
    """Seconds, infinity for whatever is negative; raises ValueError for what is none of FORMS."""
    if isinstance(value, str):
        return _checked(_seconds_in(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _checked(value)
    raise ValueError(FORMS)


def _seconds_in(text: str) -> float:
    if plain := PLAIN.fullmatch(text):
        sign, number = plain.groups()
        return -float(number) if sign else float(number)
    parts = PARTS.fullmatch(text)
    if parts is None or not any(parts.groups()[1:]):
        raise ValueError(FORMS)
    sign, *numbers = parts.groups()
    pairs = zip(numbers, UNITS, strict=True)
    total = sum(float(number) * unit for number, unit in pairs if number)
    return -total if sign else total


def _checked(seconds: float) -> float:
    """Refuse what is too much or no number. An integer may be too large to be a float."""
    if seconds < 0:
        return FOREVER
    if not seconds <= MAX_SECONDS:
        raise ValueError(FORMS)
    return float(seconds)

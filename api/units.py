"""The units of the contract, each rounded once: MB of 10^6 bytes, ms, seconds, rates, moments."""

from datetime import UTC, datetime


def mb(size: float) -> float:
    return round(size / 10**6, 1)


def ms(duration: float) -> float:
    return round(1000 * duration, 3)


def seconds(duration: float) -> float:
    return round(duration, 4)


def seconds_or_none(duration: float | None) -> float | None:
    return None if duration is None else seconds(duration)


def rate(fraction: float) -> float:
    return round(fraction, 4)


def percentage(fraction: float) -> float:
    return round(100 * fraction, 1)


def iso(moment: datetime) -> str:
    """Write an aware moment in UTC, ISO 8601 to the second, with Z."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def iso_ms(moment: datetime) -> str:
    """The same to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def now() -> str:
    return iso(datetime.now(UTC))

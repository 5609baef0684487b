"""How BentoML is to run the app."""

from typing import Any

from bentoml.exceptions import BentoMLConfigException

from api.settings import Settings, SettingsError

PORT = 8003
TIMEOUT_FACTOR = 4


def read_settings() -> Settings:
    """Read the environment; BentoML's commands show what is wrong without a traceback."""
    try:
        return Settings.from_environment()
    except SettingsError as error:
        raise BentoMLConfigException(str(error)) from error


def service_options(settings: Settings) -> dict[str, Any]:
    """Make the arguments of `bentoml.service`.

    One worker: several would be several caches with a budget each. Metrics, access log and
    tracing of BentoML are off: they cost more than half of the throughput, and its metrics grow
    with every new path. Its timeout must never be the first, for it answers in its own shape.
    """
    slowest = max(settings.request_timeout, settings.load_timeout + settings.room_timeout)
    return {
        "workers": 1,
        "http": {"port": PORT},
        "traffic": {"timeout": TIMEOUT_FACTOR * slowest},
        "metrics": {"enabled": False},
        "logging": {"access": {"enabled": False}},
        "tracing": {"excluded_urls": ".*"},
    }

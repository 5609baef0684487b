"""How BentoML is to run the app."""

from typing import Any

from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml.exceptions import BentoMLConfigException
from opentelemetry.trace import Tracer, TracerProvider

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
    tracing of BentoML are off unless a setting says otherwise: they cost more than half of the
    throughput, and its metrics grow with every new path. An operator's BENTOML_CONFIG goes before
    these options. BentoML's timeout must never be the first, for it answers in its own shape.
    """
    slowest = max(settings.request_timeout, settings.load_timeout + settings.room_timeout)
    traced = {"sample_rate": 1.0}
    return {
        "workers": 1,
        "http": {"port": PORT},
        "traffic": {"timeout": TIMEOUT_FACTOR * slowest},
        "metrics": {"enabled": settings.bentoml_metrics},
        "logging": {"access": {"enabled": settings.bentoml_access_log}},
        "tracing": traced if settings.bentoml_tracing else {"excluded_urls": ".*"},
    }


def tracer_of_bentoml() -> Tracer:
    """What makes spans that go where BentoML's do; BentoML's provider is in no public place."""
    provider: TracerProvider = BentoMLContainer.tracer_provider.get()
    return provider.get_tracer("model_cache")


def front_options(settings: Settings) -> dict[str, Any]:
    """Make the options of `Front`: which of BentoML's middlewares are to see the requests."""
    switches = {
        "RunnerTrafficMetricsMiddleware": settings.bentoml_metrics,
        "OpenTelemetryMiddleware": settings.bentoml_tracing,
        "AccessLogMiddleware": settings.bentoml_access_log,
    }
    return {
        "keep": frozenset(name for name, on in switches.items() if on),
        "bento_metrics": settings.bentoml_metrics,
    }
